"""Submit the shards of a command to Slurm, and show how far they are until its queue is empty.

What is done is read from the files that shards write, and what waits and runs from Slurm's queue:
nothing is known here alone, so that another start of the same command continues.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from time import sleep
from typing import TYPE_CHECKING

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from opbench.cli.executor import Distribution
from opbench.cli.render import messages, note, output, plural, say
from opbench.errors import OpbenchError
from opbench.escapes import printable

if TYPE_CHECKING:
    from opbench.executors.array import Queue

# Seconds between two looks: a short array is seen to end, and a long one is no load on a cluster.
_FIRST_S, _LONGEST_S = 1.0, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Progress by what files tell: the number of ``things``, such as cells, and how many of them
    are done, begun and failed.

    ``total``: None where no file tells yet.
    """

    things: str
    total: int | None
    done: int
    begun: int = 0
    failed: int = 0

    def __str__(self) -> str:
        numbers = [f"{self.done} of {self.total if self.total is not None else '?'} done"]
        numbers += [f"{self.begun} begun"] if self.begun else []
        numbers += [f"{self.failed} failed"] if self.failed else []
        return f"{self.things}: {', '.join(numbers)}"


def carry_out(
    work: Distribution, look: Callable[[], Seen], needed: Iterable[bool] = repeat(True)
) -> list[str]:
    """Submit the shards unless they are in the queue already, and wait until it has none of them.

    Returns the last error in the log of each.  ``needed``: which shards have something left to do.

    Raises ``OpbenchError`` where Slurm refuses them, and ``KeyboardInterrupt`` after Ctrl-C, which
    asks whether to end them.
    """
    queue = work.array.queue()
    if queue:
        job = queue.job
        say(f"job {job} is in the queue already: its progress")
    else:
        tasks = [*compress(work.tasks, needed)]
        job = work.array.submit(tasks, work.requested)
        say(f"submitted job {job} of {plural(len(tasks), 'shard')}; logs: {work.array.folder}")
    try:
        _watch(work, look)
    except KeyboardInterrupt:
        _leave(work, job)
        raise
    return work.array.errors(job)


def say_unfinished(reasons: Sequence[str], to_do: str) -> None:
    """Say why shards ended before they were done, and how ``to_do`` is done."""
    for reason in reasons:
        say(f"a shard ended early: {reason}")
    say(f"start the same command again to {to_do}")


def _watch(work: Distribution, look: Callable[[], Seen]) -> None:
    pause, last, silent = _FIRST_S, "", False
    with _Bar() as bar:
        while True:
            try:
                queue = work.array.queue()
                silent = False
            except OpbenchError as error:
                if not silent:
                    say(f"warning: {error}; its jobs go on")
                silent = True
                sleep(_LONGEST_S)
                continue
            seen = look()
            told = f"{seen}; {_told(queue)}"
            bar.show(seen, told)
            if told != last and not messages.is_terminal:
                note(told)
            if not queue:
                return
            last = told
            sleep(pause)
            pause = min(1.5 * pause, _LONGEST_S)


def _told(queue: Queue | None) -> str:
    if queue is None:
        return "no shard is left in the queue"
    told = [f"{plural(queue.running, 'shard')} running"] if queue.running else []
    why = f" ({', '.join(queue.reasons)})" if queue.reasons else ""
    told += [f"{queue.waiting} waiting{why}"] if queue.waiting else []
    return ", ".join(told)


def _leave(work: Distribution, job: str) -> None:
    """Ask whether to end the job, or say how to where nobody can answer."""
    try:
        if _can_ask() and typer.confirm(f"cancel job {job}?", default=False, err=True):
            work.array.cancel(job)
            say(f"job {job} is cancelled; the same command continues it")
            return
    except (KeyboardInterrupt, typer.Abort):
        pass
    except OpbenchError as error:
        say(f"warning: {error}")
    say(f"job {job} goes on: the same command shows its progress, `scancel {job}` ends it")


def _can_ask() -> bool:
    return sys.stdin.isatty() and messages.is_terminal


class _Bar:
    """The progress on a terminal, as a context manager."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=messages,
            transient=True,
            disable=not messages.is_terminal or output.quiet,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, seen: Seen, told: str) -> None:
        done = seen.done + seen.failed
        self._bar.update(self._task, completed=done, total=seen.total, description=printable(told))
