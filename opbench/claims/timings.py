"""Statements about time, memory and power, tried on every device that was measured.

They are about ImageNet classifiers, as the paper's are.  A threshold stands in ``how``; below
five networks a test does not speak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, median, pstdev

from opbench.claims.evidence import Cell, Evidence, LackingError
from opbench.claims.fit import Line, fit_line, rank_correlation
from opbench.claims.statement import PAPER, Outcome, Source, Statement, outcome

_REGNET = Source(
    name="Radosavovic et al., arXiv:2003.13678", url="https://arxiv.org/abs/2003.13678"
)

_ENOUGH = 5


def _batches(evidence: Evidence) -> dict[int, list[Cell]]:
    """The cells by batch size, where enough networks were timed.  Raises ``LackingError``."""
    sizes = sorted({cell.batch_size for cell in evidence.timed()})
    found = {size: cells for size in sizes if len(cells := evidence.timed(size)) >= _ENOUGH}
    if not found:
        raise LackingError(
            f"{_ENOUGH} timed ImageNet networks at one batch size: `opbench run` measures them"
        )
    return found


def _smallest_batch(evidence: Evidence) -> tuple[int, list[Cell]]:
    size, cells = next(iter(_batches(evidence).items()))
    return size, cells


def _macs(evidence: Evidence, cells: Sequence[Cell]) -> list[float]:
    return [float(evidence.macs(cell.name)) for cell in cells]


def _per_image(cells: Sequence[Cell]) -> list[float]:
    return [cell.seconds_per_image for cell in cells]


def _operations_predict_time(evidence: Evidence) -> Outcome:
    good, words = True, []
    for size, cells in _batches(evidence).items():
        macs, seconds = _macs(evidence, cells), _per_image(cells)
        line, rank = fit_line(macs, seconds), rank_correlation(macs, seconds)
        good = good and rank >= 0.9 and line.r2 >= 0.9
        words.append(
            f"batch {size}, {len(cells)} networks: rank correlation {rank:.2f}, R² {line.r2:.2f}, "
            f"{_worst(line, macs, cells)}"
        )
    return outcome(good, "; ".join(words))


def _worst(line: Line, x: Sequence[float], cells: Sequence[Cell]) -> str:
    off = [cell.seconds_per_image - line.at(value) for cell, value in zip(cells, x, strict=True)]
    index = max(range(len(off)), key=lambda i: abs(off[i]))
    return f"farthest off {cells[index].name} by {1e3 * off[index]:+.2f} ms"


def _activations_predict_better(evidence: Evidence) -> Outcome:
    if not all(cell.condition.device.startswith("cuda") for cell in evidence.cells):
        raise LackingError("an accelerator: `opbench run --device cuda` on a machine with one")
    good, words = True, []
    for size, cells in _batches(evidence).items():
        seconds = _per_image(cells)
        macs = fit_line(_macs(evidence, cells), seconds).r2
        activations = fit_line(
            [float(evidence.fact(cell.name).activations) for cell in cells], seconds
        ).r2
        good = good and activations > macs
        words.append(f"batch {size}: R² {activations:.2f} against {macs:.2f}")
    return outcome(good, "; ".join(words))


def _accurate(evidence: Evidence, cells: Sequence[Cell]) -> list[Cell]:
    known = [cell for cell in cells if cell.name in evidence.accuracies]
    if len(known) < _ENOUGH:
        raise LackingError(f"{_ENOUGH} timed ImageNet networks with an accuracy")
    return known


def _frontier(
    evidence: Evidence, cells: Sequence[Cell], cost: Callable[[Cell], float]
) -> list[Cell]:
    """Cells that none beats in cost and accuracy, from the cheapest on."""
    kept: list[Cell] = []
    for cell in sorted(cells, key=lambda cell: (cost(cell), -evidence.top1(cell.name))):
        if not kept or evidence.top1(cell.name) > evidence.top1(kept[-1].name):
            kept.append(cell)
    return kept


def _hyperbolic(evidence: Evidence) -> Outcome:
    size, cells = _smallest_batch(evidence)
    front = _frontier(evidence, _accurate(evidence, cells), lambda cell: cell.seconds_per_image)
    if len(front) < 4:
        raise LackingError(
            f"4 networks on the frontier of accuracy and time: there are {len(front)} at batch "
            f"{size}; time more networks"
        )
    top1 = [evidence.top1(cell.name) for cell in front]
    rate = fit_line([1 / cell.seconds_per_image for cell in front], top1)
    time = fit_line(_per_image(front), top1)
    return outcome(
        rate.slope < 0 and rate.r2 >= 0.8 and rate.r2 > time.r2,
        f"batch {size}, {len(front)} networks on the frontier: accuracy against images per second "
        f"R² {rate.r2:.2f}, against time R² {time.r2:.2f}",
    )


def _powers(evidence: Evidence) -> list[float]:
    powers = [cell.power_w for cell in evidence.timed() if cell.power_w is not None]
    if len(powers) < _ENOUGH:
        raise LackingError("energy: run on a device whose power opbench can read")
    return powers


def _power_constant(evidence: Evidence) -> Outcome:
    powers = _powers(evidence)
    spread = pstdev(powers) / fmean(powers)
    return outcome(
        spread <= 0.1,
        f"{fmean(powers):.1f} W on average over {len(powers)} cells, from {min(powers):.1f} to "
        f"{max(powers):.1f}; standard deviation {100 * spread:.0f} %",
    )


def _energy_bounds(evidence: Evidence) -> Outcome:
    _powers(evidence)
    cells = [cell for cell in evidence.timed() if cell.energy_j is not None]

    def energy(cell: Cell) -> float:
        return (cell.energy_j or 0.0) / cell.batch_size

    front = _frontier(evidence, _accurate(evidence, cells), energy)
    first, last = front[0], front[-1]
    return outcome(
        len(front) >= 4 and energy(last) > energy(first),
        f"{len(front)} networks on the frontier, from {first.name} "
        f"({evidence.top1(first.name):.1f} %, {energy(first):.3g} J per image) to {last.name} "
        f"({evidence.top1(last.name):.1f} %, {energy(last):.3g} J)",
    )


def _with_memory(evidence: Evidence) -> list[Cell]:
    cells = [cell for cell in evidence.timed() if cell.peak_memory_bytes]
    if not cells or not cells[0].condition.device.startswith("cuda"):
        raise LackingError(
            "peak memory of a CUDA device, whose allocator counts weights and maps alike"
        )
    return cells


def _memory_linear(evidence: Evidence) -> Outcome:
    curves: dict[str, list[Cell]] = {}
    for cell in sorted(_with_memory(evidence), key=lambda cell: cell.batch_size):
        curves.setdefault(cell.name, []).append(cell)
    long = {name: curve for name, curve in curves.items() if len(curve) >= 4}
    if not long:
        raise LackingError("memory at 4 batch sizes: `opbench run --batch-size 1,2,4,8,16,32,64`")
    straight = [name for name, curve in long.items() if _flat_then_linear(curve)]
    return outcome(len(straight) >= 0.9 * len(long), f"{len(straight)} of {len(long)} networks do")


def _flat_then_linear(curve: Sequence[Cell]) -> bool:
    """Never steeper at first than at last, and a line over the upper half of the batch sizes."""
    sizes = [float(cell.batch_size) for cell in curve]
    used = [float(cell.peak_memory_bytes or 0) for cell in curve]
    first = (used[1] - used[0]) / (sizes[1] - sizes[0])
    last = (used[-1] - used[-2]) / (sizes[-1] - sizes[-2])
    upper = max(3, (len(curve) + 1) // 2)
    return first <= 1.1 * last and fit_line(sizes[-upper:], used[-upper:]).r2 >= 0.99


def _memory_of_params(evidence: Evidence) -> Outcome:
    cells = [cell for cell in _with_memory(evidence) if cell.batch_size == 1]
    if len(cells) < _ENOUGH:
        raise LackingError(f"peak memory of {_ENOUGH} networks at batch 1")
    params_mb = [4e-6 * evidence.params(cell.name) for cell in cells]
    used_mb = [1e-6 * (cell.peak_memory_bytes or 0) for cell in cells]
    line = fit_line(params_mb, used_mb)
    return outcome(
        abs(line.slope / 1.3 - 1) <= 0.1 and line.r2 >= 0.9,
        f"{line.slope:.2f} MB per MB of parameters from {line.intercept:.0f} MB on, "
        f"R² {line.r2:.2f}",
    )


def _batch_helps_alexnet(evidence: Evidence) -> Outcome:
    one = {cell.name: cell.seconds_per_image for cell in evidence.timed(1)}
    sixteen = {cell.name: cell.seconds_per_image for cell in evidence.timed(16)}
    gains = {name: one[name] / sixteen[name] for name in one if name in sixteen}
    if "alexnet" not in gains or len(gains) < _ENOUGH:
        raise LackingError("AlexNet and others at batch 1 and 16: `opbench run --batch-size 1,16`")
    alexnet = gains.pop("alexnet")
    others = median(gains.values())
    return outcome(
        2.5 <= alexnet <= 3.5 and others <= 1.5,
        f"AlexNet {alexnet:.1f} times less per image, the median of {len(gains)} others "
        f"{others:.1f} times",
    )


def _timed(
    key: str,
    statement: str,
    place: str,
    how: str,
    expected: str,
    test: Callable[[Evidence], Outcome],
    source: Source = PAPER,
) -> Statement:
    return Statement(
        key=key,
        statement=statement,
        source=source,
        place=place,
        how=how,
        expected=expected,
        test=test,
        timed=True,
    )


STATEMENTS = (
    _timed(
        "operations-predict-time",
        "The number of operations is a reliable estimate of inference time.",
        "abstract and Figure 7",
        "MACs against seconds per image at each batch size: rank correlation and R² of a line, "
        "both 0.9 or more",
        "linear",
        _operations_predict_time,
    ),
    _timed(
        "activations-predict-better",
        "Activations predict inference time better than operations on accelerators.",
        "Figure 12",
        "R² of a line through each, at every batch size",
        "higher R²",
        _activations_predict_better,
        _REGNET,
    ),
    _timed(
        "accuracy-time-hyperbolic",
        "Accuracy and inference time are in a hyperbolic relationship.",
        "abstract and Figure 9",
        "on the frontier, accuracy falls as a line of images per second (R² 0.8 or more), better "
        "than as a line of time",
        "hyperbolic",
        _hyperbolic,
    ),
    _timed(
        "power-constant",
        "Power consumption is independent of batch size and architecture.",
        "abstract and Figure 4",
        "standard deviation of power over all cells, at most 10 % of its mean",
        "11.8 W, standard deviation 0.7 W (6 %)",
        _power_constant,
    ),
    _timed(
        "energy-bounds-accuracy",
        "The energy at hand bounds the accuracy that can be had.",
        "abstract",
        "the frontier of accuracy and energy per image has 4 networks or more, rising",
        "rising",
        _energy_bounds,
    ),
    _timed(
        "memory-flat-then-linear",
        "Memory is constant, then grows as a line with the batch.",
        "Figure 5",
        "slope not above 1.1 times the last at first, R² 0.99 over the upper half of the batch "
        "sizes, for 9 of 10 networks",
        "flat, then linear",
        _memory_linear,
    ),
    _timed(
        "memory-of-parameters",
        "At batch 1, memory grows by 1.30 with the size of the parameters.",
        "Figure 6",
        "slope of peak memory against parameters at 4 bytes each, within 10 %, R² 0.9",
        "slope 1.30 from 200 MB on",
        _memory_of_params,
    ),
    _timed(
        "batch-helps-alexnet",
        "Larger batches make AlexNet about 3 times faster per image, and others little.",
        "Figure 3",
        "seconds per image at batch 1 over batch 16: AlexNet 2.5 to 3.5, the others' median at "
        "most 1.5",
        "about 3 times; little",
        _batch_helps_alexnet,
    ),
)
