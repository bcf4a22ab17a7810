"""What a network keeps in global variables during a count is gone afterwards."""

from __future__ import annotations

from functools import partial
from importlib import reload

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import build_and_count, count
from tests.counting import caching_network as networks

WIDTH = 40
MACS = WIDTH * WIDTH + WIDTH * 2 * WIDTH


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    reload(networks)


@pytest.mark.parametrize("way", networks.WAYS, ids=str)
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_count_fills_no_cache(way: str, device: str) -> None:
    network = networks.Adds(networks.WAYS[way])
    for _ in range(2):
        assert count(network, (WIDTH,), device=device).macs == MACS
    out = network(torch.ones(2, WIDTH, requires_grad=True))
    assert not out.is_meta
    out.sum().backward()  # which a tensor of inference mode would refuse
    assert torch.equal(network(torch.ones(2, WIDTH)), out)


def test_what_a_real_pass_kept_stays() -> None:
    network = networks.Adds(networks.WAYS["in_a_dictionary"], 50)
    network(torch.ones(1, 50))
    table = networks.TABLES[50]
    count(network, (50,))
    assert networks.TABLES[50] is table
    assert 51 not in networks.TABLES


def test_a_cache_is_put_back_when_the_pass_fails() -> None:
    def fails(network: nn.Module, width: int) -> Tensor:
        networks.in_a_dictionary(width)
        raise ValueError

    with pytest.raises(Exception, match="ValueError"):
        count(networks.Adds(fails, 60), (60,))
    assert 60 not in networks.TABLES


def test_what_a_late_import_defines_stays() -> None:
    def defines(network: nn.Module, width: int) -> Tensor:
        networks.LATE = type("Late", (), {})  # type: ignore[attr-defined]
        return torch.ones(1)

    count(networks.Adds(defines), (WIDTH,))
    assert networks.LATE.__name__ == "Late"  # type: ignore[attr-defined]
    del networks.LATE  # type: ignore[attr-defined]


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_what_a_constructor_keeps_is_gone_too(device: str) -> None:
    for build in (networks.Constructs, lambda: networks.Constructs(), partial(networks.Constructs)):
        assert build_and_count(build, (WIDTH,), device=device).macs == WIDTH * WIDTH
        assert networks.TABLES == {}
    assert not networks.Constructs()(torch.ones(2, WIDTH)).is_meta
