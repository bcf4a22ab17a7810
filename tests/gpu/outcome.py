"""A finding: a statement, what was expected of it, and what was seen; and the file of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "lines.jsonl"
STARTED = "started"
NO_TIME = "failed: there was no time left"
GOES_ON = "sweep"
VERDICTS: Mapping[bool | None, str] = {True: "confirmed", False: "refuted", None: "measured"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A statement about the GPU or about opbench.

    holds: None for numbers that nothing was said of before.
    numbers: seconds, bytes and watts, unrounded.
    """

    what: str
    expected: str
    seen: str
    holds: bool | None
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A finding of one part, as it is kept; ``verdict`` may be "failed: why" instead."""

    part: str
    what: str = ""
    expected: str = ""
    seen: str = ""
    verdict: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def line_of(part: str, finding: Finding, seconds: float) -> Line:
    """Return the line of a finding."""
    return Line(
        part=part,
        what=finding.what,
        expected=finding.expected,
        seen=finding.seen,
        verdict=VERDICTS[finding.holds],
        numbers=finding.numbers,
        seconds=seconds,
    )


def no_time(part: str) -> Line:
    """Return the line of a part that was not begun."""
    return Line(part=part, what=part, verdict=NO_TIME)


def failed(part: str, why: str, seconds: float = 0.0) -> Line:
    """Return the line of a part, or what was left of it, that gave no finding."""
    return Line(part=part, what=part, verdict=f"failed: {why}", seconds=seconds)


def append(folder: Path, line: Line) -> None:
    """Write a line at the end of the folder's file; it is on disk afterwards."""
    text = json.dumps(_plain(asdict(line)), allow_nan=False)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def read(*folders: Path) -> list[Line]:
    """Read the lines of folders, one after the other; of a part that ran twice the last ones.

    The sweep goes on where it was: all its lines count.
    """
    lines = [line for folder in folders for line in _lines(folder)]
    started = {
        line.part: place
        for place, line in enumerate(lines)
        if line.verdict == STARTED and line.part != GOES_ON
    }
    return [
        line
        for place, line in enumerate(lines)
        if place > started.get(line.part, -1)
        and line.verdict != STARTED
        and (line.verdict != NO_TIME or line.part not in started)
    ]


def _lines(folder: Path) -> list[Line]:
    text = (folder / FILE).read_text(encoding="utf-8")
    return [Line(**json.loads(each)) for each in text.splitlines() if each.strip()]


def _plain(value: Any) -> Any:
    """Return what JSON has: text instead of infinity, NaN and everything unknown."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float | str | None) else str(value)
