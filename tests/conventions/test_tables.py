"""Every rule of every table is met by a network that a tool is asked about."""

from __future__ import annotations

import pytest
from torch import nn

from opbench.conventions import CONVENTIONS, Trace, fvcore, ptflops, thop, trace
from opbench.conventions.recorder import WATCHED
from opbench.conventions.trace import outermost
from tests.conventions.layers import LAYERS


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    return [trace(layer.network, layer.inputs()) for layer in LAYERS.values()]


def test_modules(traces: list[Trace]) -> None:
    met = {type(call.module) for each in traces for call in each.modules}
    assert set(thop.HOOKS) - met == {nn.SyncBatchNorm}  # runs on CUDA only
    assert set(ptflops.MODULES) <= met


def test_functions(traces: list[Trace]) -> None:
    met = {call.name for each in traces for call in each.functions}
    assert met == set(ptflops.FUNCTIONS) == set(WATCHED)


def test_operators(traces: list[Trace]) -> None:
    met = {
        call.name
        for each in traces
        for call in outermost(each.operators, transparent=fvcore._TRANSPARENT)
    }
    assert set(fvcore.HANDLES) - met == {"_convolution"}  # what "convolution" is recorded as


def test_every_convention_says_whose_number_it_is_and_in_which_unit() -> None:
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        assert convention.about.endswith(".") and convention.unit
