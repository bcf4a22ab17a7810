"""What ``opbench run`` prints when it is done, and what it prints of its plan."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.cli.render import Column, Format, integer, plural, render, say, scaled, text, write

if TYPE_CHECKING:
    from opbench.record import Record
    from opbench.runs.pool import Workers
    from opbench.runs.start import Prepared
    from opbench.runs.state import Sheet

_MS = scaled(1e3, 3)

_CELL = (
    Column(key="name", title="name"),
    Column(key="input_size", title="input"),
    Column(key="batch_size", title="batch", right=True),
    Column(key="device", title="device"),
    Column(key="dtype", title="dtype"),
    Column(key="memory_format", title="layout"),
    Column(key="compile", title="compile", show=text),
    Column(key="threads", title="threads", show=text, right=True),
)
_TIMES = (
    Column(key="median_s", title="median ms", show=_MS, right=True),
    Column(key="low_s", title="95 % from", show=_MS, right=True),
    Column(key="high_s", title="to", show=_MS, right=True),
    Column(key="throughput_images_per_s", title="images/s", show=scaled(1, 1), right=True),
    Column(key="peak_memory_bytes", title="peak MiB", show=scaled(2**-20, 1), right=True),
    Column(key="analytic_memory_bytes", title="analytic MiB", show=scaled(2**-20, 1), right=True),
    Column(key="energy_j", title="joule", show=scaled(1, 3), right=True),
    Column(key="attained_flops_per_s", title="GFLOP/s", show=scaled(1e-9, 1), right=True),
    Column(key="fraction_of_peak", title="% of peak", show=scaled(100, 0), right=True),
    Column(key="bound_by", title="bound by", show=text),
    Column(key="samples", title="samples", show=integer, right=True),
    Column(key="quality", title="quality", show=text),
    Column(key="reason", title="", show=text),
)
# Shown only where they say something.
_OPTIONAL = {"dtype", "memory_format", "compile", "threads", "energy_j", "reason"}
_USUAL = ("float32", "contiguous", None, "")


def report(sheet: Sheet, path: Path, format: Format | None) -> None:
    """The rows on stdout, unless they were streamed, and what became of the run on stderr."""
    finished = [_row(record) for record in sheet.records.values()]
    unfinished = [
        {**_row(record), "reason": f"{len(sheet.rounds[record.cell])} round(s) only"}
        for record in sheet.unfinished()
    ]
    failures = [failure.to_json() for failure in sheet.failures.values()]
    rows = finished + unfinished + failures
    if format is not None:
        write(render(rows, format, _shown((*_CELL, *_TIMES), rows)))
    _advise(finished)
    _say_what_is_not_measured(finished)
    missing = len(sheet.plan) - len(finished) - len(failures)
    said = f"{len(finished)} measured, {len(failures)} failed"
    say(said + (f", {missing} not finished" if missing else "") + f": {path}")


def print_plan(prepared: Prepared, workers: Workers, format: Format) -> None:
    """The cells on stdout, and how long they will take on stderr."""
    from opbench.runs.estimate import estimate

    cells = [cell.to_json() for cell in prepared.sheet.missing]
    write(render(cells, format, _shown(_CELL, cells)))
    least, most = estimate(prepared, workers)
    say(f"{plural(len(cells), 'cell')}; about {_minutes(least)} to {_minutes(most)}")


def _row(record: Record) -> dict[str, Any]:
    """Return a record with the number of its samples and its analytic memory."""
    analytic = record.load.weight_bytes + record.load.peak_activation_bytes
    samples = len(record.measurement.samples_s)
    row = {**record.to_json(), "samples": samples, "analytic_memory_bytes": analytic}
    del row["samples_s"]
    return row


def _shown(columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> list[Column]:
    return [
        column
        for column in columns
        if column.key not in _OPTIONAL or any(row.get(column.key) not in _USUAL for row in rows)
    ]


def _advise(rows: list[dict[str, Any]]) -> None:
    """Each advice once, whatever numbers stand in it, with how many cells it is for."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.get("advice"):
            alike.setdefault(re.sub(r"[\d.]+", "#", row["advice"]), []).append(row["advice"])
    for advices in alike.values():
        say(f"{plural(len(advices), 'cell')} not good: {advices[0]}")


def _say_what_is_not_measured(rows: list[dict[str, Any]]) -> None:
    from opbench.timing.energy import why_not_measured

    measured = {row["device"] for row in rows if row.get("energy_j") is not None}
    for device in dict.fromkeys(row["device"] for row in rows):
        if device not in measured:
            reason = why_not_measured(device)
            say(f"energy on {device}: not measured: {reason}")


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
