"""Statements about time, tried on every device that was measured.

They are about ImageNet classifiers, as the paper's are.  A threshold stands in ``how``; below
five networks a test does not speak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean, median

from opbench.claims.evidence import Evidence, LackingError, fitted
from opbench.claims.statement import PAPER, Source, Statement, Trial, trial
from opbench.intervals import Z
from opbench.table.cells import TimedCell
from opbench.table.fits import Line, rank_correlation
from opbench.table.frontier import pareto

_REGNET = Source(
    name="Radosavovic et al., arXiv:2003.13678", url="https://arxiv.org/abs/2003.13678"
)

ENOUGH = 5
_RELIABLE = 0.9  # rank correlation and R²


def _batches(evidence: Evidence) -> dict[int, list[TimedCell]]:
    """The cells by batch size, where enough networks were timed.  Raises ``LackingError``."""
    sizes = sorted({cell.batch_size for cell in evidence.timed()})
    found = {size: cells for size in sizes if len(cells := evidence.timed(size)) >= ENOUGH}
    if not found:
        raise LackingError(
            f"{ENOUGH} timed ImageNet networks at one batch size: `opbench run` measures them"
        )
    return found


def _smallest_batch(evidence: Evidence) -> tuple[int, list[TimedCell]]:
    size, cells = next(iter(_batches(evidence).items()))
    return size, cells


def _macs(evidence: Evidence, cells: Sequence[TimedCell]) -> list[float]:
    return [float(evidence.macs(cell.name)) for cell in cells]


def _per_image(cells: Sequence[TimedCell]) -> list[float]:
    return [cell.latency_per_image_s for cell in cells]


def _operations_predict_time(evidence: Evidence) -> Trial:
    good, words = True, []
    for size, cells in _batches(evidence).items():
        macs, seconds = _macs(evidence, cells), _per_image(cells)
        line, rank = fitted(macs, seconds), rank_correlation(macs, seconds)
        good = good and rank >= _RELIABLE and line.r2 >= _RELIABLE
        words.append(
            f"batch {size}, {len(cells)} networks: rank correlation {rank:.2f}, R² {line.r2:.2f}, "
            f"{_per_gmac(line)}, {_residuals(line, macs, cells)}"
        )
    return trial(good, "; ".join(words))


def _per_gmac(line: Line) -> str:
    return f"{1e12 * line.slope:.3g} ms per GMAC"


def _residuals(line: Line, x: Sequence[float], cells: Sequence[TimedCell]) -> str:
    off = [cell.latency_per_image_s - line.at(value) for cell, value in zip(cells, x, strict=True)]
    typical = fmean(each**2 for each in off) ** 0.5
    index = max(range(len(off)), key=lambda i: abs(off[i]))
    return (
        f"residuals of {1e3 * typical:.2f} ms (root mean square), farthest off "
        f"{cells[index].name} by {1e3 * off[index]:+.2f} ms"
    )


def _predict_in_runtimes(evidence: Evidence) -> Trial:
    """Try the same networks at the same batch in every runtime."""
    size, runtimes = _in_runtimes(evidence)
    good, words = {}, []
    for runtime, cells in runtimes.items():
        macs, seconds = _macs(evidence, cells), _per_image(cells)
        line, rank = fitted(macs, seconds), rank_correlation(macs, seconds)
        good[runtime] = rank >= _RELIABLE and line.r2 >= _RELIABLE
        words.append(f"{runtime} rank correlation {rank:.2f}, R² {line.r2:.2f}, {_per_gmac(line)}")
    number = len(next(iter(runtimes.values())))
    true = ", ".join(runtime for runtime, each in good.items() if each) or "none of them"
    return trial(
        all(good.values()),
        f"true in {true}; batch {size}, the same {number} networks: {'; '.join(words)}",
    )


def _in_runtimes(evidence: Evidence) -> tuple[int, dict[str, list[TimedCell]]]:
    """The cells of the networks that were timed in all runtimes at one batch, the smallest.

    A runtime with too few networks is none of them.  Raises ``LackingError``.
    """
    for size in sorted({cell.batch_size for cell in evidence.timed()}):
        found: dict[str, dict[str, TimedCell]] = {}
        for cell in evidence.timed(size):
            found.setdefault(cell.conditions.runtime, {})[cell.name] = cell
        several = {runtime: cells for runtime, cells in found.items() if len(cells) >= ENOUGH}
        names = sorted(set.intersection(*map(set, several.values()))) if several else []
        if len(several) > 1 and len(names) >= ENOUGH:
            return size, {
                runtime: [cells[name] for name in names] for runtime, cells in several.items()
            }
    raise LackingError(
        f"{ENOUGH} ImageNet networks timed in 2 runtimes or more: `opbench run --runtime "
        "eager,onnxruntime,openvino`"
    )


def _at_one_and_sixteen(evidence: Evidence) -> dict[str, tuple[TimedCell, TimedCell]]:
    """The cells of each network at batch 1 and at batch 16.  Raises ``LackingError``."""
    one = {cell.name: cell for cell in evidence.timed(1)}
    both = {cell.name: (one[cell.name], cell) for cell in evidence.timed(16) if cell.name in one}
    if len(both) < ENOUGH or "alexnet" not in both:
        raise LackingError(
            f"AlexNet and {ENOUGH - 1} others at batch 1 and 16: `opbench run --batch-size 1,16`"
        )
    return both


def _slope_of_batches(evidence: Evidence) -> Trial:
    both = _at_one_and_sixteen(evidence).values()
    one, sixteen = (
        fitted(_macs(evidence, cells), _per_image(cells)) for cells in zip(*both, strict=True)
    )
    saved = [first.latency_per_image_s - last.latency_per_image_s for first, last in both]
    return trial(
        _grows_beyond_chance(saved, _macs(evidence, [first for first, _ in both])),
        f"{_per_gmac(one)} at batch 1, {_per_gmac(sixteen)} at batch 16, {len(both)} networks",
    )


def _grows_beyond_chance(y: Sequence[float], x: Sequence[float]) -> bool:
    """Test whether the slope of y over x is above 0 by more than 1.96 standard errors."""
    line = fitted(x, y)
    return line.slope > 0 and line.r2 * (len(x) - 2) > Z**2 * (1 - line.r2)


def _activations_predict_better(evidence: Evidence) -> Trial:
    if not all(cell.conditions.on_gpu for cell in evidence.cells):
        raise LackingError("an accelerator: `opbench run --device cuda` on a machine with one")
    good, words = True, []
    for size, cells in _batches(evidence).items():
        seconds = _per_image(cells)
        macs = fitted(_macs(evidence, cells), seconds).r2
        activations = fitted(
            [float(evidence.fact(cell.name).activations) for cell in cells], seconds
        ).r2
        good = good and activations > macs
        words.append(f"batch {size}: R² {activations:.2f} against {macs:.2f}")
    return trial(good, "; ".join(words))


def accurate(evidence: Evidence, cells: Sequence[TimedCell]) -> list[TimedCell]:
    """The cells of networks with a published accuracy.  Raises ``LackingError`` for few."""
    known = [cell for cell in cells if cell.name in evidence.accuracies]
    if len({cell.name for cell in known}) < ENOUGH:
        raise LackingError(f"{ENOUGH} timed ImageNet networks with an accuracy")
    return known


def frontier(
    evidence: Evidence, cells: Sequence[TimedCell], cost: Callable[[TimedCell], float]
) -> list[TimedCell]:
    """Return the cells that none beats in cost and accuracy, cheapest first."""
    return [cells[at] for at in pareto([(cost(cell), evidence.top1(cell.name)) for cell in cells])]


def _hyperbolic(evidence: Evidence) -> Trial:
    size, cells = _smallest_batch(evidence)
    front = frontier(evidence, accurate(evidence, cells), lambda cell: cell.latency_per_image_s)
    if len(front) < 4:
        raise LackingError(
            f"4 networks on the frontier of accuracy and time: there are {len(front)} at batch "
            f"{size}; time more networks"
        )
    top1 = [evidence.top1(cell.name) for cell in front]
    rate = fitted([1 / cell.latency_per_image_s for cell in front], top1)
    time = fitted(_per_image(front), top1)
    return trial(
        rate.slope < 0 and rate.r2 >= 0.8 and rate.r2 > time.r2,
        f"batch {size}, {len(front)} networks on the frontier: accuracy against images per second "
        f"R² {rate.r2:.2f}, against time R² {time.r2:.2f}",
    )


def _batch_helps_alexnet(evidence: Evidence) -> Trial:
    gains = {
        name: one.latency_per_image_s / sixteen.latency_per_image_s
        for name, (one, sixteen) in _at_one_and_sixteen(evidence).items()
    }
    alexnet = gains.pop("alexnet")
    others = median(gains.values())
    return trial(
        2.5 <= alexnet <= 3.5 and others <= 1.5,
        f"AlexNet {alexnet:.1f} times less per image, the median of {len(gains)} others "
        f"{others:.1f} times",
    )


def _alexnets_gain(evidence: Evidence) -> Trial:
    both = _at_one_and_sixteen(evidence)
    if "bn_alexnet" not in both:
        raise LackingError("bn_alexnet at batch 1 and 16: `opbench run --batch-size 1,16`")
    rates = {
        name: [1 / cell.latency_per_image_s for cell in both[name]]
        for name in ("alexnet", "bn_alexnet")
    }
    return trial(
        all(abs((sixteen - one) / 80 - 1) <= 0.1 for one, sixteen in rates.values()),
        "; ".join(
            f"{name} from {one:.0f} to {sixteen:.0f} images per second: {sixteen - one:+.0f}"
            for name, (one, sixteen) in rates.items()
        ),
    )


def timed(
    key: str,
    statement: str,
    place: str,
    how: str,
    expected: str,
    test: Callable[[Evidence], Trial],
    source: Source = PAPER,
) -> Statement:
    """A statement that is tried on every device; the paper's, if not another's."""
    return Statement(
        key=key,
        statement=statement,
        source=source,
        place=place,
        how=f"{how}; time is the latency, per image",
        expected=expected,
        test=test,
        timed=True,
    )


STATEMENTS = (
    timed(
        "operations-predict-time",
        "The number of operations is a reliable estimate of inference time.",
        "abstract and Figure 7",
        "MACs against seconds per image at each batch size: rank correlation and R² of a line, "
        "both 0.9 or more",
        "reliable estimate, linear",
        _operations_predict_time,
    ),
    replace(
        timed(
            "operations-predict-time-in-runtimes",
            "The number of operations is a reliable estimate of inference time, in whichever "
            "runtime.",
            "abstract and Figure 7, of Torch7",
            "the same test in every runtime, on the networks that were timed in all of them, at "
            "the smallest batch size",
            "reliable estimate, linear",
            _predict_in_runtimes,
        ),
        across_runtimes=True,
    ),
    timed(
        "larger-batch-smaller-slope",
        "In larger batches an operation takes less time.",
        "Figure 7",
        "slope of a line of seconds per image against MACs, at batch 16 below that at batch 1 by "
        "more than 1.96 standard errors, network by network",
        "the slope changes with the batch",
        _slope_of_batches,
    ),
    timed(
        "activations-predict-better",
        "Activations predict inference time better than operations on accelerators.",
        "Figure 12",
        "R² of a line of seconds per image through each, higher for activations at every "
        "batch size",
        "stronger correlation",
        _activations_predict_better,
        _REGNET,
    ),
    timed(
        "accuracy-time-hyperbolic",
        "Accuracy and inference time are in a hyperbolic relationship.",
        "abstract and Figure 9",
        "on the frontier, accuracy falls as a line of images per second (R² 0.8 or more), better "
        "than as a line of time",
        "hyperbolic",
        _hyperbolic,
    ),
    timed(
        "batch-helps-alexnet",
        "Larger batches make AlexNet about 3 times faster per image, and others little.",
        "Figure 3",
        "seconds per image at batch 1 over batch 16: AlexNet 2.5 to 3.5, the others' median at "
        "most 1.5",
        "about 3 times; little",
        _batch_helps_alexnet,
    ),
    timed(
        "alexnets-gain",
        "From batch 1 to batch 16 both AlexNets gain 80 images per second.",
        "Figure 9",
        "images per second at batch 16 less those at batch 1, for both within 10 %",
        "80 Hz, on a Jetson TX1",
        _alexnets_gain,
    ),
)
