"""Rows of many targets: made by one or several processes, shown as they come, kept in a file.

A target that fails is a row with its reason, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opbench.census import Failed, RowFile, outcomes
from opbench.cli.output import messages
from opbench.cli.progress import Progress
from opbench.errors import OpbenchError, describe

Row = dict[str, Any]
Make = Callable[[str], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where rows are kept: a file, the keys of a row with their types, and what the row of a
    target is made with."""

    path: Path
    columns: Mapping[str, type]
    settings: Callable[[str], str]


def collect(make: Make, names: Sequence[str], jobs: int, keeping: Keeping | None) -> list[Row]:
    """What ``make`` says of each name, in their order.

    A single target raises what it raises, so that its error is the command's.
    """
    if keeping is None:
        made = dict(_made(make, names, jobs))
        return [row for name in names for row in made[name]]
    with RowFile(keeping.path, keeping.columns) as file:
        settings = {name: keeping.settings(name) for name in names}
        file.resume(settings)
        for note in file.notes:
            messages.print(f"warning: {note}", markup=False)
        left = [name for name in names if name not in file.rows]
        try:
            for name, rows in _made(make, left, jobs):
                for row in rows:
                    file.append(row | {"settings": settings[name]})
        except KeyboardInterrupt:
            there = sum(name in file.rows for name in names)
            messages.print(
                f"{there} of {len(names)} are in {file.path}: the same command goes on from there",
                markup=False,
            )
            raise
        return [file.rows[name] for name in names]


def _alone(make: Make, name: str) -> list[Row]:
    try:
        return make(name)
    except OpbenchError as error:
        raise OpbenchError(named(name, describe(error))) from error


def named(name: str, reason: str) -> str:
    """Put the name of a target in front of what is wrong with it, once."""
    return reason if name in reason else f"{name}: {reason}"


def _made(make: Make, names: Sequence[str], jobs: int) -> Iterator[tuple[str, list[Row]]]:
    if len(names) == 1:
        yield names[0], _alone(make, names[0])
        return
    with Progress(len(names), "counted") as progress:
        for name, outcome in outcomes(make, names, jobs=jobs):
            if isinstance(outcome, Failed):
                yield name, [{"name": name, "error": outcome.reason}]
            else:
                yield name, outcome
            progress.advance(name, failed=isinstance(outcome, Failed))
