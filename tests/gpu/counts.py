"""The counts of the registry on the GPU, beside those on the meta device."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from opbench.counting import count
from opbench.record import Cell
from opbench.registry.entries import specs
from opbench.runs.network import build
from opbench.spec import Shape
from tests.gpu.bed import SMALLEST, Bed
from tests.gpu.outcome import Finding

# ImageNet's first: they are the ones that are timed.
_FIRST = "imagenet"


def on_cuda_and_meta(bed: Bed) -> Iterator[Finding]:
    """Count network after network both ways, until the time is up."""
    end = time.monotonic() + bed.seconds - 5
    found = specs()
    names = sorted(found, key=lambda name: found[name].dataset != _FIRST)
    equal: list[str] = []
    unequal: list[str] = []
    for name in [SMALLEST] if bed.dry else names:
        if time.monotonic() > end:
            break
        (equal if _same(bed, name, found[name].input_size) else unequal).append(name)
    yield Finding(
        what="the count on CUDA equals that on the meta device: parameters, MACs, activations, "
        "peak and operators",
        expected="equal for every network",
        seen=f"{len(equal)} of {len(equal) + len(unequal)} networks"
        + "".join(f", not {name}" for name in unequal),
        holds=not unequal,
        numbers={"equal": equal, "unequal": unequal, "of": len(names)},
    )


def _same(bed: Bed, name: str, size: tuple[int, ...]) -> bool:
    cell = Cell(name=name, input_size=Shape(size), batch_size=1, device=bed.device)
    network = build(cell, own_inputs=False, seed=0)
    real, meta = (
        count(network.module, network.inputs, device=device)
        for device in (bed.device.partition(":")[0], "meta")
    )
    return replace(real, device="", fallback="") == replace(meta, device="", fallback="")
