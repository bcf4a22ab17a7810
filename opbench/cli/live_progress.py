"""Show how the interval of a live comparison narrows: a bar on a terminal, else a line a pair."""

from __future__ import annotations

from typing import Self

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from opbench.cli.render import messages, note, output
from opbench.escapes import printable
from opbench.live.comparison import names
from opbench.live.match import Step
from opbench.live.verdict import PAIRS
from opbench.runs.verdict import change


class LiveProgress:
    """Shows each step that ``watch`` is told, as a context manager."""

    def __init__(self) -> None:
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            console=messages,
            transient=True,
            disable=not messages.is_terminal or output.quiet,
        )
        self._task = self._bars.add_task("", total=1.0)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def watch(self, step: Step) -> None:
        """Show one step."""
        told = f"{names(step.sides)}: {step.pairs} of {PAIRS} pairs{_ratio(step)}"
        self._bars.update(self._task, completed=step.used, description=printable(told))
        if step.pairs and not messages.is_terminal:
            note(told)


def _ratio(step: Step) -> str:
    if step.ratio is None:
        return ""
    estimate, low, high = map(change, (step.ratio.estimate, step.ratio.low, step.ratio.high))
    return f", {estimate} ({low} to {high})"
