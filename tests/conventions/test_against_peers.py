"""The tools themselves say the same, to the last digit.

The default run asks them about one-idea networks that meet every rule, and about registered ones on
small images; the slow run asks about every registered network at its own size, and about the
whole conformance suite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from opbench.conventions import Trace, get, tally, trace
from opbench.counting import build_and_count
from opbench.counting.meta_build import build_without_weights
from opbench.errors import CountError
from opbench.registry import entries
from tests.conformance.cases import CASES, Case
from tests.conventions.layers import LAYERS
from tests.conventions.peers import PEERS, RefusedError, asked, zeros

every_peer = pytest.mark.parametrize("peer", PEERS)

# Small images where the network takes any size: what a tool gets wrong does not depend on it.
SMALL: dict[str, tuple[int, ...]] = {
    "alexnet": (3, 227, 227),
    "caffenet128_elu": (3, 128, 128),
    "caffenet128_maxout": (3, 128, 128),
    "ciresan_mlp": (1, 29, 29),
    "enet": (3, 64, 32),
    "enet_classifier": (3, 64, 64),
    "fire_96_16_128": (96, 5, 5),
    "fractalnet_cifar": (3, 32, 32),
    "googlenet": (3, 64, 64),
    "inception_v3": (3, 75, 75),
    "lenet5": (1, 32, 32),
    "nin": (3, 96, 96),
    "resnet18": (3, 64, 64),
    "xception": (3, 96, 96),
}


def said(name: str, build: Callable[[], Any], inputs: Any, device: Any = "meta") -> int:
    """Our number; the peers are asked through keywords, which counts as one image for ptflops."""
    recorded = replace(trace(build, inputs, device=device), images=1)
    return tally(get(name), recorded).total


@cache
def recorded_at(name: str, size: tuple[int, ...]) -> Trace:
    return trace(entries.get(name).build, size)


@every_peer
@pytest.mark.parametrize("layer", LAYERS)
def test_a_network_of_one_idea(peer: str, layer: str) -> None:
    network, inputs = LAYERS[layer].network, LAYERS[layer].inputs()
    try:
        theirs = asked(peer, network(), inputs)
    except (RefusedError, AssertionError, IndexError, TypeError):
        with pytest.raises(CountError):
            said(peer, network, inputs)
        return
    assert said(peer, network, inputs) == theirs


def test_both_ways_of_tracing_lead_to_the_same_number() -> None:
    for layer in LAYERS.values():
        on_meta, on_cpu = (
            trace(layer.network, layer.inputs(), device=device) for device in ("meta", "cpu")
        )
        for peer in ("torch", "fvcore", "thop", "torchinfo"):
            assert said_of(peer, on_meta) == said_of(peer, on_cpu)


def said_of(name: str, recorded: Trace) -> int | None:
    try:
        return tally(get(name), recorded).total
    except CountError:
        return None


@every_peer
@pytest.mark.parametrize("name", SMALL)
def test_a_registered_network_on_a_small_image(peer: str, name: str) -> None:
    assert_agreement(peer, name, SMALL[name])


@pytest.mark.slow
@every_peer
@pytest.mark.parametrize("name", entries.names())
def test_every_registered_network_at_its_own_size(peer: str, name: str) -> None:
    """Without arithmetic where the tool needs none: fvcore records a graph, and ptflops mistakes
    what torch does to find out a shape for calls of the network."""
    device = "cpu" if peer in ("fvcore", "ptflops-hooks") else "meta"
    assert_agreement(peer, name, entries.get(name).input_size, device)


@pytest.mark.slow
@pytest.mark.parametrize("name", entries.names())
def test_mac_is_the_count_of_every_registered_network(name: str) -> None:
    spec = entries.get(name)
    recorded = recorded_at(name, spec.input_size)
    assert tally(get("mac"), recorded).total == build_and_count(spec.build, spec.input_size).macs


def assert_agreement(peer: str, name: str, size: tuple[int, ...], device: str = "cpu") -> None:
    network = zeros(build_without_weights(entries.get(name).build)).to(device).eval()
    theirs = asked(peer, network, (torch.zeros(1, *size, device=device),))
    assert tally(get(peer), recorded_at(name, size)).total == theirs


_PADDED = "transformer encoder with padding counts in full"

# Where a tool and our account of it part, and why.
PARTED = {
    ("torch", "matmul of a vector and a batch"): "whether it is folded depends on gradients",
    ("ptflops", "matmul of a vector and a batch"): "whether it is folded depends on gradients",
    ("fvcore", "mm into a given result"): "it refuses out=, which a trace does not tell",
    ("fvcore", "a max pooling undone"): "this version of torch cannot record it in a graph",
    ("torchinfo", "a sparse matrix: only stored elements are multiplied"): "it refuses the input",
    ("torchinfo", "a function mapped over the batch"): "it refuses what is inside vmap",
    ("torchinfo", "a pruned weight: zeros are multiplied"): "it reads the values of the mask",
    (
        "torchinfo",
        "an embedding bag with weights: rows are weighted and added",
    ): "it refuses an input that is None",
    ("torchinfo", _PADDED): "it fails on the nested tensors of the fast path",
    ("thop", _PADDED): "on the fast path its hooks see tokens without the padding",
    ("fvcore", "a compiled function in a network"): "it cannot trace what is compiled",
}
# A network that a tool cannot hang its hooks on is counted as the plain network that it is.
WRAPPED = {"a scripted network", "a traced network", "a scripted part of a network"} | {
    "a compiled network",
    "a network of lazy layers",
}


@pytest.mark.slow
@every_peer
@pytest.mark.parametrize("case", [case for case in CASES if case.idea not in WRAPPED], ids=str)
def test_the_conformance_suite(peer: str, case: Case) -> None:
    if (peer, case.idea) in PARTED:
        pytest.skip(PARTED[peer, case.idea])
    if case.idea == "a gradient taken in the forward pass":
        pytest.skip("a trace is made without gradients")
    try:
        theirs = asked(peer, case.network(), case.example())
    except (RefusedError, AssertionError, IndexError, TypeError, RuntimeError):
        with pytest.raises(CountError):
            said(peer, *recordable(case))
        return
    assert said(peer, *recordable(case)) == theirs


def recordable(case: Case) -> tuple[Callable[[], nn.Module], Any, str]:
    """On the meta device where that is possible."""
    try:
        trace(case.network, case.example())
    except CountError:
        return case.network, case.example(), "cpu"
    return case.network, case.example(), "meta"
