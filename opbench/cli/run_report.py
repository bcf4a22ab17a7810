"""The rows and sentences of ``opbench run``: of its plan, and of what was measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.cli.cells import CELL, cell_columns, shown
from opbench.cli.columns import Column, in_unit, integer, interval, metric_column, scaled
from opbench.cli.render import Format, note, plural, render, say
from opbench.metrics import METRICS, columns
from opbench.record import USUAL, Measurement

if TYPE_CHECKING:
    from opbench.record import Cell, Record
    from opbench.runs.pool import Workers
    from opbench.runs.start import Prepared
    from opbench.runs.state import RunState

_HALVES = ("bfloat16", "float16")

# Metrics of a measurement that have no place of their own below.
_OTHER_METRICS = tuple(
    key
    for key in columns("cell")
    if key in {each.name for each in fields(Measurement)}
    and key not in ("latency_s", "device_s", "peak_memory_bytes", "energy_j")
)


def _time(key: str) -> Column:
    metric = METRICS[key]
    stem = key.removesuffix("_s")
    return Column(
        key=key,
        also=(f"{stem}_low_s", f"{stem}_high_s"),
        title=f"{metric.label} {metric.unit} (from-to)",
        show=interval(in_unit(key, 3)),
        right=True,
    )


_TIMES = (
    _time("latency_s"),
    _time("device_s"),
    Column(key="launches", title="launches"),
    Column(key="quality", title="quality"),
)
_RATES = (
    metric_column("throughput_images_per_s", 1, ""),
    metric_column("peak_memory_bytes", 1, "peak"),
    metric_column("peak_memory_bytes", 1, "analytic", key="analytic_memory_bytes"),
    metric_column("energy_j", 3, "energy"),
    *(metric_column(key, 3) for key in _OTHER_METRICS),
    Column(key="attained_flops_per_s", title="GFLOP/s", show=scaled(1e-9, 1), right=True),
    Column(key="fraction_of_peak", title="% of peak", show=scaled(100, 0), right=True),
    Column(key="bound_by", title="bound by"),
    Column(
        key="output_error",
        title="output off by",
        show=lambda value: "" if value is None else f"{value:.1e}",
        right=True,
        caption="Outputs are off by so much of the largest output of eager float32.",
    ),
    Column(key="samples", title="samples", show=integer, right=True),
    Column(key="reason", title="", note=True),
)
_STAGE = (
    Column(key="stage", title="stage", keep=True),
    Column(
        key="stage_s",
        also=("low_s", "high_s"),
        title="ms (from-to)",
        show=interval(scaled(1e3, 3)),
        right=True,
    ),
    Column(
        key="share",
        title="% of whole",
        show=scaled(100, 1),
        right=True,
        caption="The whole is measured by itself, beside its stages.",
    ),
    Column(key="reason", title="", note=True),
)
# Shown only where they say something.
_OPTIONAL: dict[str, object] = dict.fromkeys(
    ("device_s", "launches", "energy_j", "reason", *_OTHER_METRICS)
) | {"output_error": 0.0}
_NOT_HIDDEN = {
    "seen": "it launches more kernels than a queue holds; --cuda-graph launches them at once",
    "synchronises": "it waits for the GPU in the middle of a forward pass",
}


def render_rows(state: RunState, format: Format) -> str:
    """Render a row for each cell that was measured, is unfinished or failed."""
    unfinished = {each.cell: _unfinished(each, state) for each in state.unfinished()}
    measured = {each.cell: _row(each) for each in state.records.values()}
    known = {**_failures(state), **unfinished, **measured}
    rows = [known[cell] for cell in state.plan if cell in known]
    if not rows and format is Format.table:
        return ""
    vary, same = cell_columns(rows)
    return render(
        rows,
        format,
        [*vary, *shown(_TIMES, rows, _OPTIONAL), *same, *shown(_RATES, rows, _OPTIONAL)],
    )


def render_stages(state: RunState, format: Format) -> str:
    """Render a row for each stage of each cell, their sum and the whole, or why there is none."""
    measured = {each.cell: _stage_rows(each) for each in state.unfinished()}
    measured |= {each.cell: _stage_rows(each) for each in state.records.values()}
    known = {cell: [row] for cell, row in _failures(state).items()} | measured
    rows = [row for cell in state.plan for row in known.get(cell, ())]
    if not rows and format is Format.table:
        return ""
    vary, same = cell_columns(rows)
    return render(rows, format, [*vary, *shown(_STAGE, rows, _OPTIONAL), *same])


def _failures(state: RunState) -> dict[Cell, dict[str, Any]]:
    return {cell: failure.to_json() for cell, failure in state.failures.items()}


def _stage_rows(record: Record) -> list[dict[str, Any]]:
    """Return the rows of a cell: its stages, the sum of them, and the whole as it was measured."""
    if not record.measurement.stages:
        return [{**record.cell.to_json(), "reason": "its rounds on file have no times of stages"}]
    *stages, whole = (each.to_json() for each in record.measurement.stages)
    ends = ("stage_s", "low_s", "high_s")
    total = {"stage": "sum", **{end: sum(each[end] for each in stages) for end in ends}}
    rows = (*stages, total, whole)
    if whole["stage_s"]:
        rows = tuple({**each, "share": each["stage_s"] / whole["stage_s"]} for each in rows)
    return [{**record.cell.to_json(), **each} for each in rows]


def say_outcome(state: RunState, path: Path) -> None:
    """Say what to improve, what was not measured, how many cells are done, and where."""
    records = list(state.records.values())
    _advise(records)
    _say_what_is_not_measured(records)
    _say_what_is_not_hidden(records)
    _advise_layout([record.cell for record in records])
    missing = len(state.plan) - len(records) - len(state.failures)
    told = f"{len(records)} measured, {len(state.failures)} failed"
    note(told + (f", {missing} not finished" if missing else "") + f": {path}")


def render_plan(prepared: Prepared, format: Format) -> str:
    """Render the cells that are to be measured."""
    cells = [cell.to_json() for cell in prepared.state.missing]
    return render(cells, format, shown(CELL, cells, USUAL))


def say_estimate(prepared: Prepared, workers: Workers) -> None:
    """Say how many cells are to be measured, and how long that will take."""
    from opbench.runs.estimate import estimate

    least, most = estimate(prepared, workers)
    missing = prepared.state.missing
    told = f"{plural(len(missing), 'cell')}; about {_minutes(least)} to {_minutes(most)}"
    built = sum(cell.runtime != USUAL["runtime"] for cell in missing)
    say(f"{told}, and what compiling or converting {built} of them takes" if built else told)


def _row(record: Record) -> dict[str, Any]:
    """Return a record with the number of its samples and its analytic memory."""
    analytic = record.load.weight_bytes + record.load.peak_activation_bytes
    samples = len(record.measurement.samples_s)
    row = {**record.to_json(), "samples": samples, "analytic_memory_bytes": analytic}
    del row["samples_s"]
    return row


def _unfinished(record: Record, state: RunState) -> dict[str, Any]:
    """Return a record of too few rounds: their times, without intervals and rating."""
    told = f"{len(state.rounds[record.cell])} of {plural(state.protocol.rounds, 'round')}"
    ends = [each.name for each in fields(Measurement) if each.name.endswith(("low_s", "high_s"))]
    unknown = dict.fromkeys((*ends, "advice", "stopped"))
    return {**_row(record), **unknown, "quality": "interrupted", "reason": told}


def _advise(records: Sequence[Record]) -> None:
    """Say each advice once, whatever its numbers, with the number of cells that it is for."""
    alike: dict[str, list[str]] = {}
    for advice in filter(None, (record.measurement.advice for record in records)):
        alike.setdefault(re.sub(r"[\d.]+", "#", advice), []).append(advice)
    for advices in alike.values():
        say(f"{plural(len(advices), 'cell')} not good: {advices[0]}")


def _say_what_is_not_measured(records: Sequence[Record]) -> None:
    from opbench.timing.energy import why_not_measured

    measured = {each.cell.device for each in records if each.measurement.energy_j is not None}
    for device in dict.fromkeys(each.cell.device for each in records):
        if device not in measured:
            note(f"energy on {device}: not measured: {why_not_measured(device)}")


def _say_what_is_not_hidden(records: Sequence[Record]) -> None:
    """Say which GPU times contain the launching of kernels, and why."""
    for launches, why in _NOT_HIDDEN.items():
        cells = [each.cell for each in records if each.measurement.launches == launches]
        if cells:
            others = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
            note(f"the GPU time of {cells[0].name}{others} includes launches: {why}")


def _advise_layout(cells: Sequence[Cell]) -> None:
    """Say that cuDNN has to transpose what is contiguous, where no other layout was tried."""
    half = [each for each in cells if each.device != "cpu" and each.dtype in _HALVES]
    if half and all(each.memory_format == USUAL["memory_format"] for each in half):
        note(
            f"convolutions in {half[0].dtype} are often faster on a GPU with "
            "--memory-format channels_last: cuDNN transposes contiguous images"
        )


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
