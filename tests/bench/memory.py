"""How near the count of live tensors comes to what torch's CPU allocator does."""

from __future__ import annotations

import torch

from opbench.counting import build_and_count
from opbench.registry import specs
from opbench.spec import ArchitectureSpec
from tests.counting.test_lifetimes import allocated

_HEAD = """# Peak activation memory, counted and allocated

One image on the CPU, in bytes, input included and parameters not; written by `make bench`.
*Counted* is `peak_activation_bytes`, from the lifetimes of tensors in a pass that allocates
nothing. *Between operators* is the most that torch's allocator holds at the end of any operator
of a real forward pass: it is the count's witness, and may exceed it by a few bytes for scalars.
*At any moment* adds scratch memory inside operators, mostly weights that a kernel lays out anew
for itself; it depends on the machine, and the ratio is that of this column to the count.

| network | counted | between operators | at any moment | ratio |
|---|--:|--:|--:|--:|
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
    known = specs()
    return _HEAD + "".join(_row(known[name]) for name in _NETWORKS if name in known)


def _row(spec: ArchitectureSpec) -> str:
    counted = build_and_count(spec.build, spec.input_size).peak_activation_bytes
    between, inside = allocated(spec.build(), torch.randn(1, *spec.input_size))
    numbers = " | ".join(f"{each:,}" for each in (counted, between, inside))
    return f"| `{spec.name}` | {numbers} | {inside / counted:.2f} |\n"
