"""The counts of the registry on the GPU, beside those on the meta device."""

from __future__ import annotations

import time
from collections.abc import Iterator

from opbench.counting import count
from opbench.record import EXACT, TOTALS, Cell
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
    unequal: dict[str, list[str]] = {}
    for name in [SMALLEST] if bed.dry else names:
        if time.monotonic() > end:
            break
        unequal[name] = _unequal(bed, name, found[name].input_size)
    others = {name: fields for name, fields in unequal.items() if fields}
    wrong = [name for name, fields in others.items() if {*EXACT, "uncounted"} & {*fields}]
    yield Finding(
        what="the count on CUDA equals that on the meta device",
        expected="equal parameters, MACs and activations for every network",
        seen=f"{len(unequal) - len(wrong)} of {len(unequal)} networks"
        + "".join(f"; {name}: {', '.join(fields)} differ" for name, fields in others.items())[:500],
        holds=not wrong,
        numbers={"unequal": others, "tried": list(unequal), "of": len(names)},
    )


def _unequal(bed: Bed, name: str, size: tuple[int, ...]) -> list[str]:
    """Return the names of what differs."""
    cell = Cell(name=name, input_size=Shape(size), batch_size=1, device=bed.device)
    network = build(cell, own_inputs=False, seed=0)
    real, meta = (
        count(network.module, network.inputs, device=device)
        for device in (bed.device.partition(":")[0], "meta")
    )
    names = (*TOTALS, "uncounted", "operators", "modules")
    return [each for each in names if getattr(real, each) != getattr(meta, each)]
