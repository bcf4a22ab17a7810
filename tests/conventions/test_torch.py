"""The rule ``torch`` is what ``torch.utils.flop_counter`` counts on the CPU, to the last digit."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from opbench import registry
from opbench.conventions import COMPUTED, tally, trace
from opbench.counting import build_and_count
from opbench.counting.copies.copying import private_copy
from opbench.counting.meta.build import build_without_weights
from tests.conformance.cases import CASES, Case, counted

# Small images: what a counter makes of a network does not depend on their size.
SMALL: dict[str, tuple[int, ...]] = {
    "enet": (3, 64, 32),
    "fractalnet_cifar": (3, 32, 32),
    "googlenet": (3, 64, 64),
    "lenet5": (1, 32, 32),
    "resnet18": (3, 64, 64),
    "xception": (3, 96, 96),
}
# The counter watches these with gradients and as they are; a trace is made without gradients, of
# the plain network in a compiled or scripted one.
OTHER = {
    "a scripted network",
    "a traced network",
    "a scripted part of a network",
    "a compiled network",
    "a network of lazy layers",
    "a gradient taken in the forward pass",
    "two layers in two threads",
    "matmul of a vector and a batch",
    # The counter refuses the first and the last, and does not see the body of the second.
    "a scan over six steps",
    "a map over five rows",
    "a while loop of three rounds",
}


def flops(network: nn.Module, *inputs: object) -> int:
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops()


@pytest.mark.parametrize("case", [case for case in CASES if case.idea not in OTHER], ids=str)
def test_a_network_of_one_idea(case: Case) -> None:
    recorded = trace(case.network, case.example(), device=counted(case).device)
    assert tally(COMPUTED["torch"], recorded).total == flops(case.network(), *case.example())


@pytest.mark.parametrize("name", SMALL)
def test_a_registered_network_on_a_small_image(name: str) -> None:
    build, size = registry.get(name).build, SMALL[name]
    network = private_copy(build_without_weights(build), "cpu")
    assert tally(COMPUTED["torch"], trace(build, size)).total == flops(
        network, torch.zeros(1, *size)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_every_registered_network_by_torch_and_by_mac(name: str) -> None:
    spec = registry.get(name)
    recorded = trace(spec.build, spec.input_size)
    network = private_copy(build_without_weights(spec.build), "meta")
    image = torch.empty(1, *spec.input_size, device="meta")
    assert tally(COMPUTED["torch"], recorded).total == flops(network, image)
    assert (
        tally(COMPUTED["mac"], recorded).total == build_and_count(spec.build, spec.input_size).macs
    )
