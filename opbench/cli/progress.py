"""Progress of a command over many targets, on stderr: a bar on a terminal, else a line at times.

A command that is done before the first line is due says nothing.
"""

from __future__ import annotations

import time
from typing import Self

from opbench.cli.render import messages, note, output
from opbench.escapes import printable

PERIOD_S = 10.0


class Progress:
    """``with Progress(total, "counted") as progress: ... progress.advance(name)``."""

    def __init__(self, total: int, done: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._total, self._what = total, done
        self._count, self._failed = 0, 0
        self._due = time.monotonic() + PERIOD_S
        self._bar = Bar(
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True, no_color=True) if output.plain else messages,
            transient=True,
            disable=not messages.is_terminal or output.quiet or total < 2,
        )
        self._task = self._bar.add_task("", total=total)

    def advance(self, name: str, *, failed: bool = False) -> None:
        """Note that one more is done."""
        self._count += 1
        self._failed += failed
        self._bar.update(self._task, advance=1, description=f"{self._failures()}{printable(name)}")
        if not messages.is_terminal and time.monotonic() >= self._due:
            self._due = time.monotonic() + PERIOD_S
            note(f"{self._count} of {self._total} {self._what}, {self._failures()}last {name}")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _failures(self) -> str:
        return f"{self._failed} failed, " if self._failed else ""
