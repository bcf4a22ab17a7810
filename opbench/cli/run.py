"""``opbench run``: count and time networks on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.output import Column, Format, emit, integer, messages, scaled, text
from opbench.errors import BadValueError
from opbench.spec import parse_size

if TYPE_CHECKING:
    from opbench.record import Failure, Record
    from opbench.runner import Cell, Summary

_MS = scaled(1e3, 3)

_COLUMNS = (
    Column(key="name", title="name"),
    Column(key="input_size", title="input"),
    Column(key="batch_size", title="batch", right=True),
    Column(key="device", title="device"),
    Column(key="latency_s", title="median ms", show=_MS, right=True),
    Column(key="low_s", title="95 % from", show=_MS, right=True),
    Column(key="high_s", title="to", show=_MS, right=True),
    Column(key="minimum_s", title="min ms", show=_MS, right=True),
    Column(key="throughput_images_per_s", title="images/s", show=scaled(1, 1), right=True),
    Column(key="peak_memory_bytes", title="peak MiB", show=scaled(2**-20, 1), right=True),
    Column(key="samples", title="samples", show=integer, right=True),
    Column(key="stopped", title="stopped by"),
    Column(key="reason", title="failed", show=text),
)


def run(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...", help="Networks or globs; none is the whole registry."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    batch_size: Annotated[
        str, typer.Option(help="Images at once; a list such as 1,16 times each.")
    ] = "1",
    input_size: Annotated[
        str | None, typer.Option(help="Size of one image, such as 3x224x224.")
    ] = None,
    results: Annotated[
        Path, typer.Option(help="Folder; the run is written below it as runs/RUN.jsonl.")
    ] = Path("results"),
    precision: Annotated[
        float, typer.Option(help="Half the width of the median's 95 % interval; 0.01 is 1 %.")
    ] = 0.01,
    max_seconds: Annotated[float, typer.Option(help="For one network at one batch size.")] = 2.0,
    format: Annotated[Format, typer.Option(help="How the rows are printed.")] = Format.table,
) -> None:
    """Count and time networks; every result is on disk as soon as it is measured.

    A network that fails is a row with its reason; the run goes on and ends with exit code 1.
    """
    from opbench.runner import Summary, make_plan, run_plan
    from opbench.store import RunWriter
    from opbench.targets import resolve
    from opbench.timing.device import open_device
    from opbench.timing.protocol import Protocol

    sizes = _batch_sizes(batch_size)
    size = _size(input_size)
    protocol = Protocol(precision=precision, max_seconds=max_seconds)
    opened = open_device(device)
    plan = make_plan(resolve(targets or ()), sizes, size)
    summary = Summary(planned=len(plan))
    with RunWriter.create(results) as writer:
        try:
            with _Progress(len(plan)) as progress:
                run_plan(plan, opened, protocol, writer, progress.watcher, summary)
        except KeyboardInterrupt:
            _report(summary, format, writer.path)
            raise
    _report(summary, format, writer.path)
    if summary.failures:
        raise typer.Exit(1)


class _Progress:
    """A bar with the network at hand on a terminal, a line per network elsewhere."""

    def __init__(self, total: int) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        from opbench.runner import Watcher

        self.watcher = Watcher(started=self._started, finished=self._finished)
        self._total = total
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=messages,
            transient=True,
            disable=not messages.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _started(self, cell: Cell, index: int) -> None:
        label = f"{cell.target.name}, batch {cell.batch_size}"
        self._bar.update(self._task, description=label)
        if not messages.is_terminal:
            messages.print(f"[{index + 1}/{self._total}] {label}", markup=False)

    def _finished(self, row: Record | Failure) -> None:
        self._bar.advance(self._task)
        reason = getattr(row, "reason", None)
        if reason:
            messages.print(f"{row.name} failed: {reason}", markup=False)


def _report(summary: Summary, format: Format, path: Path) -> None:
    rows = [_row(record) for record in summary.records]
    rows += [failure.to_json() for failure in summary.failures]
    columns = _COLUMNS if summary.failures else _COLUMNS[:-1]
    emit(rows, format, columns)
    missing = summary.planned - summary.done
    ended = f"{len(summary.records)} measured, {len(summary.failures)} failed"
    messages.print(ended + (f", {missing} not reached" if missing else "") + f": {path}")


def _row(record: Record) -> dict[str, Any]:
    from opbench.runner import fastest, throughput

    row = record.to_json()
    samples = row.pop("samples_s")
    return row | {
        "latency_s": row.pop("median_s"),
        "minimum_s": fastest(record.measurement),
        "throughput_images_per_s": throughput(record),
        "samples": len(samples),
    }


def _batch_sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise BadValueError(
            f"--batch-size {text!r} is no list of whole numbers such as 1,16"
        ) from None


def _size(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError:
        raise BadValueError(f"--input-size {text!r} is not like 3x224x224") from None
