"""Statements about power, energy and memory, tried on every device that was measured.

They are about ImageNet classifiers, as the paper's are.  A threshold stands in ``how``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, pstdev

from opbench.claims.evidence import Evidence, LackingError, fitted
from opbench.claims.statement import Statement, Trial, trial
from opbench.claims.timings import ENOUGH, accurate, frontier, timed
from opbench.table.cells import TimedCell

_KNEE = "flat, then linear"


def _with_energy(evidence: Evidence) -> list[TimedCell]:
    cells = [cell for cell in evidence.timed() if cell.energy_j is not None]
    if not cells:
        raise LackingError("energy: run on a device whose power opbench can read")
    return cells


def _powers(evidence: Evidence) -> tuple[list[float], str]:
    """Watts of each cell, without those of the idle device where they are known throughout."""
    cells = [cell for cell in _with_energy(evidence) if cell.power_w is not None]
    names, sizes = ({cell.name for cell in cells}, {cell.batch_size for cell in cells})
    if len(names) < ENOUGH or len(sizes) < 2:
        raise LackingError(
            f"energy of {ENOUGH} networks at 2 batch sizes: `opbench run --batch-size 1,16`"
        )
    gross = [cell.power_w or 0.0 for cell in cells]
    idle = [
        cell.record.measurement.idle_power_w
        for cell in cells
        if cell.record.measurement.idle_power_w is not None
    ]
    if len(idle) < len(cells):
        return gross, "idle power, which was not measured, included"
    net = [power - rest for power, rest in zip(gross, idle, strict=True)]
    return net, f"{fmean(idle):.1f} W of the idle device taken off"


def _power_constant(evidence: Evidence) -> Trial:
    powers, idle = _powers(evidence)
    spread = pstdev(powers)
    return trial(
        spread <= 0.1 * fmean(powers),
        f"{fmean(powers):.1f} W on average over {len(powers)} cells, from {min(powers):.1f} to "
        f"{max(powers):.1f}, {idle}; standard deviation {spread:.1f} W",
    )


def _energy_bounds(evidence: Evidence) -> Trial:
    cells = _with_energy(evidence)

    def energy(cell: TimedCell) -> float:
        return (cell.energy_j or 0.0) / cell.batch_size

    front = frontier(evidence, accurate(evidence, cells), energy)
    first, last = front[0], front[-1]
    return trial(
        len(front) >= 4 and energy(last) > energy(first),
        f"{len(front)} networks on the frontier, from {first.name} "
        f"({evidence.top1(first.name):.1f} %, {energy(first):.3g} J per image) to {last.name} "
        f"({evidence.top1(last.name):.1f} %, {energy(last):.3g} J)",
    )


def _with_memory(evidence: Evidence) -> list[TimedCell]:
    cells = [cell for cell in evidence.timed() if cell.peak_memory_bytes]
    if not cells or not cells[0].conditions.on_gpu:
        raise LackingError(
            "peak memory of a CUDA device, whose allocator counts weights and maps alike"
        )
    return cells


def _memory_linear(evidence: Evidence) -> Trial:
    curves: dict[str, list[TimedCell]] = {}
    for cell in sorted(_with_memory(evidence), key=lambda cell: cell.batch_size):
        curves.setdefault(cell.name, []).append(cell)
    long = {name: curve for name, curve in curves.items() if len(curve) >= 4}
    if not long:
        raise LackingError("memory at 4 batch sizes: `opbench run --batch-size 1,2,4,8,16,32,64`")
    shapes = Counter(map(_shape, long.values()))
    listed = ", ".join(f"{number} {shape}" for shape, number in shapes.most_common())
    return trial(shapes[_KNEE] >= 0.9 * len(long), f"of {len(long)} networks {listed}")


def _shape(curve: Sequence[TimedCell]) -> str:
    """Flat where the first step costs at most half as much per image as the last."""
    sizes = [float(cell.batch_size) for cell in curve]
    used = [float(cell.peak_memory_bytes or 0) for cell in curve]
    first = (used[1] - used[0]) / (sizes[1] - sizes[0])
    last = (used[-1] - used[-2]) / (sizes[-1] - sizes[-2])
    upper = max(3, (len(curve) + 1) // 2)
    if 0 < last >= 2 * first and fitted(sizes[-upper:], used[-upper:]).r2 >= 0.99:
        return _KNEE
    return "linear from the start" if fitted(sizes, used).r2 >= 0.99 else "neither"


def _memory_of_params(evidence: Evidence) -> Trial:
    cells = [cell for cell in _with_memory(evidence) if cell.batch_size == 1]
    if len(cells) < ENOUGH:
        raise LackingError(f"peak memory of {ENOUGH} networks at batch 1")
    params_mb = [4e-6 * evidence.params(cell.name) for cell in cells]
    used_mb = [1e-6 * (cell.peak_memory_bytes or 0) for cell in cells]
    line = fitted(params_mb, used_mb)
    return trial(
        abs(line.slope / 1.3 - 1) <= 0.1 and line.r2 >= 0.9,
        f"{line.slope:.2f} MB per MB of parameters from {line.intercept:.0f} MB on, "
        f"R² {line.r2:.2f}",
    )


def _about_memory(statement: Statement) -> Statement:
    return replace(statement, memory=True)


STATEMENTS = (
    timed(
        "power-constant",
        "Power consumption is independent of batch size and architecture.",
        "abstract and Figure 4",
        "standard deviation of net power over all cells, at most 10 % of its mean; 5 networks and "
        "2 batch sizes or more",
        "11.8 W, standard deviation 0.7 W (6 %)",
        _power_constant,
    ),
    timed(
        "energy-bounds-accuracy",
        "The energy at hand bounds the accuracy that can be had.",
        "abstract",
        "the frontier of accuracy and energy per image has 4 networks or more, rising",
        "upper bound",
        _energy_bounds,
    ),
    _about_memory(
        timed(
            "memory-flat-then-linear",
            "Memory is constant, then grows as a line with the batch.",
            "Figure 5",
            "first slope at most half of the last, and R² 0.99 over the upper half of the batch "
            "sizes, for 9 of 10 networks",
            "constant, then linear",
            _memory_linear,
        )
    ),
    _about_memory(
        timed(
            "memory-of-parameters",
            "At batch 1, memory grows by 1.30 with the size of the parameters.",
            "Figure 6",
            "slope of peak memory against parameters at 4 bytes each, within 10 %, R² 0.9",
            "slope 1.30 from 200 MB on",
            _memory_of_params,
        )
    ),
)
