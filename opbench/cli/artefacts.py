"""Rows of artefacts, for ``opbench list --runtime`` and ``opbench show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opbench.cli.columns import TOP1, Column, in_unit, interval, metric_column, scaled
from opbench.intervals import Interval
from opbench.table.measured import HERE

if TYPE_CHECKING:
    from opbench.table.artefacts import JoinedArtefact

_AGAINST = (
    "Of one artefact: weights, code, runtime and its version, precision, size of the image; lost "
    "and faster against eager float32, on the same images and the same machine, with 95 % "
    "intervals."
)

_SHORT = 12  # digits of an artefact's hash that are shown, as git shows those of a commit


def _points(value: Any, low: Any, high: Any) -> str:
    if value is None or low == high:
        return "" if value is None else f"{value:.2f}"
    return f"{value:z.2f} ({low:z.2f} to {high:z.2f})"


def _times(value: Any, low: Any, high: Any) -> str:
    show = scaled(1, 2)
    return show(value) if low == high else interval(show)(value, low, high)


def _mark(value: Any) -> str:
    return "*" if value else ""


RUNTIME = Column(key="runtime", title="runtime", keep=True)
PRECISION = Column(key="precision", title="precision")
LATENCY = Column(
    key="latency_s",
    also=("latency_low_s", "latency_high_s"),
    title="latency ms",
    show=interval(in_unit("latency_s", 3)),
    right=True,
    keep=True,
)
LOST = Column(
    key="top1_lost",
    also=("top1_lost_low", "top1_lost_high"),
    title="lost",
    show=_points,
    right=True,
    caption=_AGAINST,
)
FASTER = Column(
    key="times_faster",
    also=("times_faster_low", "times_faster_high"),
    title="times faster",
    show=_times,
    right=True,
    caption=_AGAINST,
)
OTHERS = (
    metric_column("peak_memory_bytes", 1),
    metric_column("energy_j", 3, "energy"),
    Column(
        key="output_error",
        title="output off by",
        show=lambda value: "" if value is None else f"{value:.1e}",
        right=True,
    ),
    Column(key="machine", title="machine"),
    Column(key="device", title="device"),
    Column(key="run", title="run"),
    Column(key="artefact", title="artefact", show=lambda known: (known or "")[:_SHORT]),
)
FRONTIER = Column(
    key="on_frontier",
    title="",
    keep=True,
    show=_mark,
    caption="*: no other artefact that was evaluated is as fast and more accurate.",
)
# What a row of an artefact has beside that of its network.
COLUMNS = (RUNTIME, PRECISION, LATENCY, TOP1, LOST, FASTER, *OTHERS, FRONTIER)


def artefact_row(each: JoinedArtefact) -> dict[str, Any]:
    """Return the flat row of an artefact."""
    cell, accuracy = each.cell, each.accuracy
    measured, made = cell.record.measurement, cell.record.artefact
    return {
        "name": each.name,
        "dataset": each.dataset or None,
        "input_size": str(cell.input_size),
        "batch_size": cell.batch_size,
        "runtime": cell.runtime,
        "precision": cell.precision,
        "latency_s": cell.latency_s,
        "latency_low_s": measured.latency_low_s,
        "latency_high_s": measured.latency_high_s,
        **_ends("times_faster", each.times_faster),
        "top1": each.top1,
        "top1_low": accuracy.top1.low if accuracy else None,
        "top1_high": accuracy.top1.high if accuracy else None,
        "top5": accuracy.top5.value if accuracy and accuracy.top5 else None,
        "top1_protocol": accuracy.protocol if accuracy else None,
        "top1_source": f"{HERE}, evaluation {accuracy.evaluation}" if accuracy else None,
        "top1_source_url": None,
        "density": each.top1 and 1e6 * each.top1 / cell.record.load.params,
        **_ends("top1_lost", each.top1_lost),
        "peak_memory_bytes": cell.peak_memory_bytes,
        "energy_j": None if cell.energy_j is None else cell.energy_j / cell.batch_size,
        "output_error": made.output_error if made else None,
        "machine": cell.conditions.machine,
        "device": cell.conditions.device,
        "settings": cell.conditions.variant,
        "run": cell.run,
        "evaluation": accuracy.evaluation if accuracy else None,
        "artefact": cell.artefact,
        "on_frontier": each.on_frontier,
    }


def _ends(key: str, found: Interval | None) -> dict[str, float | None]:
    values = (found.estimate, found.low, found.high) if found else (None, None, None)
    return dict(zip((key, f"{key}_low", f"{key}_high"), values, strict=True))
