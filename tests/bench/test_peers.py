"""How other tools are asked: whatever one leaves behind or breaks, the next answer is its own."""

from __future__ import annotations

import os

import pytest
from torch import nn

from tests.bench.peers import Inputs, Peer, ask_all
from tests.conformance.cases import CASES

ASKED: list[str] = []


def tries(network: nn.Module, inputs: Inputs) -> float:
    """As a tool that patches torch: more of it every time."""
    ASKED.append(type(network).__name__)
    return len(ASKED)


def raises_afterwards(network: nn.Module, inputs: Inputs) -> float:
    ASKED.append(type(network).__name__)
    raise ValueError(len(ASKED))


def dies(network: nn.Module, inputs: Inputs) -> float:
    os._exit(3)


@pytest.mark.slow
def test_every_case_is_the_first_one_that_a_tool_is_asked_about() -> None:
    peer = Peer(name="tries", ask=tries, package="torch", module="torch")
    assert ask_all(peer) == {case.idea: 1.0 for case in CASES}
    assert ASKED == []


@pytest.mark.slow
def test_a_tool_that_raises_or_dies_has_failed_that_case_only() -> None:
    for ask in (raises_afterwards, dies):
        peer = Peer(name="fails", ask=ask, package="torch", module="torch")
        assert ask_all(peer) == {case.idea: None for case in CASES}
    assert ASKED == []
