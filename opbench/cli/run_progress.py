"""Show the progress of a run: bars on a terminal, a line per cell elsewhere; stream records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from opbench.cli.render import messages, note, output, plural, say, write
from opbench.escapes import printable
from opbench.record import Cell, Failure, Record
from opbench.runs.lines import RUN, RoundLine, Warned
from opbench.value import Value

if TYPE_CHECKING:
    from opbench.files import Appender
    from opbench.runs.loop import Watcher
    from opbench.runs.pool import Workers
    from opbench.runs.start import Prepared
    from opbench.runs.state import RunState


def take(prepared: Prepared, writer: Appender, workers: Workers, *, stream: bool = False) -> None:
    """Measure into a file and show the progress; ``stream`` records to standard output."""
    with RunProgress(prepared.state, stream=stream) as progress:
        prepared.take(writer, workers, progress.watcher)


class RunProgress:
    """Shows what its ``watcher`` is told, as a context manager."""

    def __init__(self, state: RunState, *, stream: bool) -> None:
        from opbench.runs.loop import Watcher

        self.watcher: Watcher = Watcher(round=self._round, cell=self._cell, line=self._line)
        self._state = state
        self._stream = stream
        self._number = 0
        self._told_of_others = False
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Left(),
            console=messages,
            transient=True,
            disable=not messages.is_terminal or output.quiet,
        )
        self._cells = self._bars.add_task("", total=None)
        self._place = 0
        self._pending = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def _round(self, number: int, cells: int) -> None:
        self._number, self._place, self._pending = number, 0, cells
        self._bars.reset(self._cells, total=cells, left_s=None)
        if not messages.is_terminal:
            note(f"{self._heading()}: {plural(cells, 'cell')}")

    def _cell(self, cell: Cell, number: int) -> None:
        self._place += 1
        self._bars.update(
            self._cells,
            completed=self._place - 1,
            description=f"{self._heading()}  {printable(str(cell))}",
            left_s=self._left_s(),
        )
        if not messages.is_terminal:
            note(f"[{self._place}/{self._pending}] {cell}")

    def _line(self, line: Value) -> None:
        match line:
            case Failure():
                say(f"{line.cell}: {line.reason}")
            case Warned():
                about = f"the ceilings of {line.setting.device}"
                say(f"{about}: {line.reason}")
            case RoundLine() if line.round.device_before.get("other_processes"):
                self._tell_of_others(line.cell.device)
        if self._stream and isinstance(line, Record | Failure):
            write(RUN.encode(line).decode() + "\n")

    def _tell_of_others(self, device: str) -> None:
        if not self._told_of_others:
            self._told_of_others = True
            say(f"another process uses {device}: end it or take another GPU")

    def _heading(self) -> str:
        least = self._state.protocol.rounds
        if self._number > least:
            return f"round {self._number}, for cells that are not precise yet"
        return f"round {self._number} of {least}"

    def _left_s(self) -> float | None:
        """Estimate the seconds until the least number of rounds is done; None beyond it.

        A cell takes what it took in its last round, one that had none yet what the others took.
        """
        least, rounds = self._state.protocol.rounds, self._state.rounds
        last = {cell: taken[-1].process_s for cell, taken in rounds.items() if taken}
        if self._number > least or not last:
            return None
        usual = sum(last.values()) / len(last)
        return sum(
            max(0, least - len(rounds[cell])) * last.get(cell, usual)
            for cell in self._state.missing
        )


class _Left(ProgressColumn):
    """The estimate of the time left, once there is one."""

    def render(self, task: Task) -> Text:
        seconds = task.fields.get("left_s")
        if seconds is None:
            return Text("")
        minutes, rest = divmod(round(seconds), 60)
        return Text(f"{minutes}:{rest:02d} left")
