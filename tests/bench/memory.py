"""How near the count of live tensors comes to what torch's allocators do."""

from __future__ import annotations

import torch

from opbench.counting import build_and_count
from opbench.registry.entries import specs
from opbench.spec import ArchitectureSpec
from tests.counting.tracing.test_lifetimes import allocated, allocated_on_cuda

_HEAD = """# Peak activation memory, counted and allocated

One image on {device}, in bytes, input included and parameters not; written by `make bench`.
*Counted* is `peak_activation_bytes`, from the lifetimes of tensors in a pass that allocates
nothing. *Between operators* is the most that torch's allocator holds at the end of any operator
of a real forward pass: it is the count's witness, and may exceed it by a few bytes for scalars.
*At any moment* adds scratch memory inside operators, mostly weights that a kernel lays out anew
for itself; it depends on the machine, and the ratio is that of this column to the count.

"""
_NETWORKS = (
    "alexnet",
    "bn_nin",
    "enet",
    "fractalnet_cifar",
    "googlenet",
    "inception_v3",
    "lenet5",
    "resnet18",
    "resnet50",
    "squeezenet1_0",
    "vgg16",
    "xception",
)


def report() -> str:
    """The page, as Markdown."""
    on_cuda = torch.cuda.is_available()
    device = f"the CPU, then on {torch.cuda.get_device_name()}" if on_cuda else "the CPU"
    columns = ["between operators", "at any moment", "ratio"]
    columns += [f"{each}, CUDA" for each in columns] if on_cuda else []
    known = specs()
    lines = [
        f"| network | counted | {' | '.join(columns)} |\n|---|--:|{'--:|' * len(columns)}\n",
        *(_row(known[name], on_cuda) for name in _NETWORKS if name in known),
    ]
    return _HEAD.format(device=device) + "".join(lines)


def _row(spec: ArchitectureSpec, on_cuda: bool) -> str:
    counted = build_and_count(spec.build, spec.input_size).peak_activation_bytes
    cells = [f"`{spec.name}`", f"{counted:,}"]
    for ask in (allocated, allocated_on_cuda) if on_cuda else (allocated,):
        between, inside = ask(spec.build(), torch.randn(1, *spec.input_size))
        cells += [f"{between:,}", f"{inside:,}", f"{inside / counted:.2f}"]
    return f"| {' | '.join(cells)} |\n"
