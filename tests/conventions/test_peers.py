"""Installed tools, asked in a process of their own, against the same tools called right here."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.conventions import COMPUTED, PEERS, Tally
from opbench.errors import CountError, MissingExtraError, OpbenchError
from opbench.registry.by_convention import Answers, tallies
from opbench.registry.targets import count_target, resolve
from tests.conventions import networks
from tests.providers import torchvision_operators  # noqa: F401  ptflops imports torchvision

pytestmark = pytest.mark.filterwarnings("ignore")

CONV, LINEAR, ELEMENTS = 4 * 4 * 4 * 27, 16 * 5, 64
FILE = networks.__file__


def fvcore(network: nn.Module, image: Tensor) -> Any:
    return pytest.importorskip("fvcore.nn").FlopCountAnalysis(network, image).total()


def ptflops(network: nn.Module, image: Tensor, backend: str = "aten") -> Any:
    complexity = pytest.importorskip("ptflops").get_model_complexity_info
    options = {"as_strings": False, "print_per_layer_stat": False, "backend": backend}
    return complexity(network, tuple(image.shape[1:]), **options)[0]


def ptflops_hooks(network: nn.Module, image: Tensor) -> Any:
    return ptflops(network, image, "pytorch")


def thop(network: nn.Module, image: Tensor) -> Any:
    return pytest.importorskip("thop").profile(network, (image,), verbose=False)[0]


def torchinfo(network: nn.Module, image: Tensor) -> Any:
    summary = pytest.importorskip("torchinfo").summary
    return summary(network, input_data=image, verbose=0).total_mult_adds


DIRECT = {
    "fvcore": fvcore,
    "ptflops": ptflops,
    "ptflops-hooks": ptflops_hooks,
    "thop": thop,
    "torchinfo": torchinfo,
}
ASKED = {f"{FILE}:tiny": (3, 6, 6), "resnet18": (3, 64, 64)}


def ask(name: str, size: tuple[int, ...], *peers: str, batch_size: int = 1) -> Answers:
    (target,) = resolve([name])
    counted = count_target(target, size, batch_size=batch_size)
    asked = [PEERS[peer] for peer in peers or PEERS]
    return tallies(asked, target, counted, size, batch_size=batch_size)


@cache
def answers(name: str) -> Answers:
    return ask(name, ASKED[name])


def tally_of(peer: str, name: str = f"{FILE}:tiny") -> Tally:
    pytest.importorskip(PEERS[peer].package)
    found = answers(name)[peer]
    assert isinstance(found, Tally), found
    return found


def test_every_tool_is_called_here_as_well() -> None:
    assert list(DIRECT) == list(PEERS)


@pytest.mark.parametrize(
    "name",
    [f"{FILE}:tiny", pytest.param("resnet18", marks=pytest.mark.slow)],
    ids=["tiny", "resnet18"],
)
@pytest.mark.parametrize("peer", DIRECT)
def test_a_tool_that_is_asked_says_what_it_says_when_called(peer: str, name: str) -> None:
    (target,) = resolve([name])
    network, image = target.build()[0].eval(), torch.zeros(1, *ASKED[name])
    assert tally_of(peer, name).total == DIRECT[peer](network, image)


@pytest.mark.parametrize(
    ("peer", "conv", "norm", "linear"),
    [
        ("fvcore", CONV, 2 * ELEMENTS, LINEAR),
        ("thop", CONV, 4 * ELEMENTS, LINEAR),
        ("torchinfo", CONV + 64, 2 * 4, LINEAR + 5),
    ],
)
def test_a_tool_itemises_by_module(peer: str, conv: int, norm: int, linear: int) -> None:
    found = tally_of(peer).by_module
    assert {name: macs for name, macs in found.items() if macs} == {
        "": conv + norm + linear,
        "0": conv + norm,
        "0.0": conv,
        "0.1": norm,
        "2": linear,
    }
    assert "module" in PEERS[peer].itemises


def test_fvcore_itemises_by_operator() -> None:
    found = tally_of("fvcore").by_operator
    assert found == {"conv": CONV, "linear": LINEAR, "batch_norm": 2 * ELEMENTS}


def test_a_tool_says_what_it_itemises_by() -> None:
    for peer, convention in PEERS.items():
        found = tally_of(peer)
        itemised = {"operator": found.by_operator, "module": found.by_module}
        assert {key for key, items in itemised.items() if items} == set(convention.itemises)


@pytest.mark.slow
def test_a_batch_is_counted_whole() -> None:
    """ptflops-hooks would divide a part of its count by the images, were it told of them."""
    for peer, found in ask(f"{FILE}:tiny", (3, 6, 6), "ptflops-hooks", batch_size=3).items():
        assert isinstance(found, Tally)
        assert found.total == 3 * tally_of(peer).total


@pytest.mark.slow
def test_a_tool_that_raises_is_an_error_and_the_others_go_on() -> None:
    found = ask(f"{FILE}:Loud", (4,), "thop", "ptflops-hooks", "torchinfo")
    for peer, reason in (("thop", "TypeError"), ("ptflops-hooks", "IndexError")):
        assert isinstance(found[peer], CountError)
        assert str(found[peer]).startswith(f"{peer} cannot count {FILE}:Loud: ")
        assert reason in str(found[peer])
    both = {"": 20, "linear": 20, "softmax": 0}
    assert found["torchinfo"] == Tally(total=20, by_module=both)


@pytest.mark.slow
def test_a_tool_whose_process_dies_is_an_error_and_the_others_go_on() -> None:
    for error in ask(f"{FILE}:Dies", (4,), "fvcore", "thop").values():
        assert isinstance(error, CountError)
        assert "its process ended with exit code 3" in str(error)


def test_a_tool_that_is_not_installed_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "thop", None)
    error = ask(f"{FILE}:tiny", (3, 6, 6), "thop")["thop"]
    assert isinstance(error, MissingExtraError)
    assert str(error) == (
        "the convention thop needs thop, which is not installed; try: pip install thop"
    )


def test_no_tool_is_asked_about_what_does_not_fit_into_memory() -> None:
    (target,) = resolve(["lenet5"])
    counted = replace(count_target(target), weight_bytes=10**18)
    found = tallies([COMPUTED["mac"], *PEERS.values()], target, counted)
    assert isinstance(found.pop("mac"), Tally)
    for error in found.values():
        assert isinstance(error, OpbenchError)
        assert "its tensors need 1,000,000,000.0 GB, and " in str(error)
