"""The precision of float32: what was asked for, whatever was set before and by which names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import opbench
from opbench.counting.tracing.torch_state import kept_settings
from opbench.timing.tf32 import precisions, set_tf32

NEWER = hasattr(torch.backends, "fp32_precision")
newer_only = pytest.mark.skipif(not NEWER, reason="names since torch 2.9")
backends: Any = torch.backends


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with kept_settings():
        yield


def _by_conv_flag() -> None:
    backends.cudnn.allow_tf32 = True


def _by_generic_name() -> None:
    backends.fp32_precision = "tf32"


def _by_names_of_kinds() -> None:
    backends.cuda.matmul.fp32_precision = "tf32"
    backends.cudnn.conv.fp32_precision = "ieee"
    backends.mkldnn.matmul.fp32_precision = "bf16"


BEFORE = [
    lambda: None,
    _by_conv_flag,
    lambda: torch.set_float32_matmul_precision("medium"),
    *(pytest.param(each, marks=newer_only) for each in (_by_generic_name, _by_names_of_kinds)),
]


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("wanted", [True, False])
def test_it_is_as_wanted_by_every_name_that_it_has(
    before: Callable[[], None], wanted: bool
) -> None:
    before()
    set_tf32(wanted)
    matmul = "high" if wanted else "highest"
    assert precisions() == {"float32_matmul_precision": matmul, "cudnn_tf32": wanted}
    assert torch.get_float32_matmul_precision() == matmul
    assert backends.cuda.matmul.allow_tf32 == backends.cudnn.allow_tf32 == wanted
    if NEWER:
        for kind in (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn):
            assert (kind.fp32_precision == "tf32") == wanted
        assert backends.mkldnn.matmul.fp32_precision in ("none", "ieee")


@pytest.mark.parametrize("wanted", [True, False])
def test_an_older_torch_has_the_flags_alone(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    set_tf32(not wanted)
    monkeypatch.setattr("opbench.timing.tf32.FLOAT32_PRECISIONS", ())
    set_tf32(wanted)
    matmul = "high" if wanted else "highest"
    assert precisions() == {"float32_matmul_precision": matmul, "cudnn_tf32": wanted}


class Seeing(nn.Module):
    """Notes the precisions that it runs under."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(precisions())
        return images


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("tf32", [False, True])
def test_measure_is_in_float32_unless_asked_and_puts_back_what_it_found(
    before: Callable[[], None], tf32: bool
) -> None:
    before()
    found, module = precisions(), Seeing()
    opbench.measure(module, (3, 4, 4), max_seconds=0.02, tf32=tf32)
    matmul = "high" if tf32 else "highest"
    expected = {"float32_matmul_precision": matmul, "cudnn_tf32": tf32}
    assert all(each == expected for each in module.seen)
    assert precisions() == found
