"""Training passes of every case: on two devices, and by torch's counter where its formulas hold."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import FlopCounterMode, flop_registry

import opbench
from opbench.counting import build_and_count, count
from opbench.counting.copies.copying import unwrap
from opbench.counting.tracing.gradients import plain_kernels
from opbench.counting.tracing.training import differentiable
from opbench.errors import CountError
from opbench.record import Count
from opbench.registry import torchvision_operators
from tests.conformance.cases import CASES, FAMILIES, Case, runs_on

# Every fifth by default, all of them in `make test-slow`.
ALL = [
    pytest.param(case, marks=() if i % 5 == 0 else pytest.mark.slow, id=case.idea)
    for i, case in enumerate(CASES)
]
NOT_TRAINED = {
    "mm into a given result": "don't support automatic differentiation",
    "addmm in place": "a leaf Variable that requires grad is being used in an in-place operation",
    "SiLU in place": "a leaf Variable that requires grad is being used in an in-place operation",
    "a gradient taken in the forward pass": "none of its outputs",
    "a scripted network optimised for inference": "during training",
    "a network in the layout of oneDNN": "expects dense tensor input",
    **{case.idea: "differentiates its body only in compiled code" for case in FAMILIES["bodies"]},
    "an associative scan of six": "none of its outputs",  # it has no weight
}

# A mode of torch is of one thread.
UNSEEN = {"two layers in two threads"}

BY_TORCH = {str(each).removeprefix("aten.") for each in flop_registry}


def example(case: Case) -> tuple[Any, ...]:
    """Return the inputs, with a gradient where no parameter of the network has one."""
    if any(each.requires_grad for each in case.network().parameters()):
        return case.example()
    inputs: tuple[Any, ...] = tree_map_only(Tensor, with_gradient, case.example())
    return inputs


def with_gradient(tensor: Tensor) -> Tensor:
    number = tensor.is_floating_point() or tensor.is_complex()
    return tensor.requires_grad_() if number and tensor.layout is torch.strided else tensor


def trained(case: Case, device: str | None) -> Count | str:
    """Count a training pass; return the error where there is none."""
    try:
        return count(case.network(), example(case), training=True, device=device)
    except CountError as error:
        return str(error)


def is_grouped(operands: tuple[Any, ...]) -> bool:
    """Return whether weights (out, in / groups, ...) meet fewer than all channels."""
    grad, source, weight = operands
    return sorted(weight[:2]) != sorted((grad[1], source[1]))


def torch_is_right(counted: Count) -> bool:
    """Return whether torch has a formula for all that has products, and no weight has groups."""
    rows = [row for row in counted.operators if row.macs]
    backward = [row.operands for row in rows if row.operator == "convolution_backward"]
    return {row.operator for row in rows} <= BY_TORCH and not any(map(is_grouped, backward))


def by_torch(network: nn.Module, inputs: tuple[Any, ...]) -> float:
    with plain_kernels(), FlopCounterMode(display=False) as counter:
        out = unwrap(network).train()(*inputs)
        torch.autograd.backward([each.abs().sum() for each in differentiable(out)])
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("case", ALL)
def test_a_training_pass_is_the_same_on_meta_on_the_cpu_and_by_torch(case: Case) -> None:
    default, on_cpu = trained(case, None), trained(case, "cpu")
    if isinstance(default, str) or isinstance(on_cpu, str):
        assert case.idea in NOT_TRAINED
        assert NOT_TRAINED[case.idea] in str(default)
        return
    assert (default.macs, default.activations) == (on_cpu.macs, on_cpu.activations)
    assert default.uncounted == ()
    if torch_is_right(on_cpu) and case.idea not in UNSEEN:
        assert by_torch(case.network(), example(case)) == on_cpu.macs


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("case", ALL)
def test_a_training_pass_is_the_same_on_cuda_where_the_network_runs_there(case: Case) -> None:
    on_cuda, on_cpu = trained(case, "cuda"), trained(case, "cpu")
    if isinstance(on_cpu, str):
        return
    if isinstance(on_cuda, str):
        assert not runs_on(case, "cuda"), on_cuda
    else:
        assert on_cuda.macs == on_cpu.macs


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18", (3, 64, 64)),
        ("squeezenet1_1", (3, 64, 64)),
        pytest.param("vgg16", (3, 224, 224), marks=pytest.mark.slow),
        pytest.param("inception_v4", (3, 299, 299), marks=pytest.mark.slow),
    ],
)
def test_registered_networks_are_as_torch_counts_them(name: str, size: tuple[int, ...]) -> None:
    with torch.device("meta"):
        network = opbench.create(name)
    theirs = by_torch(network, (torch.empty(2, *size, device="meta"),))
    ours = build_and_count(lambda: opbench.create(name), size, batch_size=2, training=True)
    assert (ours.macs, ours.device, ours.uncounted) == (theirs, "meta", ())


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "vit_b_16", "swin_t"])
@pytest.mark.slow
def test_networks_of_torchvision_are_as_torch_counts_them(name: str) -> None:
    torchvision = torchvision_operators.load(lambda: pytest.importorskip("torchvision"))
    models = torchvision.models
    with torch.device("meta"):
        network = models.get_model(name, weights=None)
    theirs = by_torch(network, (torch.empty(2, 3, 224, 224, device="meta"),))
    ours = build_and_count(
        lambda: models.get_model(name, weights=None), (3, 224, 224), batch_size=2, training=True
    )
    assert (ours.macs, ours.device, ours.uncounted) == (theirs, "meta", ())
