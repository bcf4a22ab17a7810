"""Show how the accuracy of a running evaluation settles: a bar on a terminal, else lines."""

from __future__ import annotations

import time
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from opbench.accuracy.interval import wilson_interval
from opbench.accuracy.measured.evaluation import ImageAnswer
from opbench.accuracy.measured.lines import BatchLine, Unanswered
from opbench.cli.progress import PERIOD_S
from opbench.cli.render import messages, note, output
from opbench.escapes import printable


class EvaluationProgress:
    """Shows the running top-1 and its interval; a context manager."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total = name, total
        self._done, self._answered, self._right = 0, 0, 0
        self._due = time.monotonic() + PERIOD_S
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=messages,
            transient=True,
            disable=not messages.is_terminal or output.quiet,
        )
        self._task = self._bars.add_task(printable(name), total=total)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @property
    def answered(self) -> int:
        """The number of images that have an answer."""
        return self._answered

    def watch(self, line: BatchLine | Unanswered) -> None:
        """Take note of one line."""
        if isinstance(line, Unanswered):
            self._done += 1
        else:
            answers = map(ImageAnswer, line.labels, line.top, line.margins)
            self._right += sum(each.right for each in answers)
            self._answered += len(line.ids)
            self._done += len(line.ids)
        told = f"{self._name}{self._so_far()}"
        self._bars.update(self._task, completed=self._done, description=printable(told))
        if not messages.is_terminal and time.monotonic() >= self._due:
            self._due = time.monotonic() + PERIOD_S
            note(f"{self._done:,} of {self._total:,} images, {told}")

    def _so_far(self) -> str:
        if not self._answered:
            return ""
        percentage = 100 * self._right / self._answered
        low, high = wilson_interval(percentage, self._answered)
        return f": top-1 {percentage:.2f} % ({low:.2f}-{high:.2f})"
