"""How large a difference between two times must be to matter: relative, absolute, per target.

"3%"                          three in a hundred of the time
"50us"                        fifty microseconds; ns, us, ms and s are known
"3%, 50us"                    the larger of the two
{"resnet*" = "5%", "*" = …}   by name; the last glob that matches counts
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

_UNITS = {"%": 1e-2, "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(%|ns|us|µs|ms|s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """For the targets that ``glob`` matches: a fraction of the time, and seconds."""

    glob: str = "*"
    relative: float = 0.02
    seconds: float = 10e-6

    def of(self, time_s: float) -> float:
        """The fraction of ``time_s`` that does not matter."""
        return max(self.relative, self.seconds / time_s)

    def __str__(self) -> str:
        parts = [f"{self.relative:.2%}" if self.relative else "", f"{self.seconds * 1e6:g} us"]
        return " or ".join(part for part in parts if part and part != "0 us") or "nothing"


def threshold_for(name: str, thresholds: Iterable[Threshold]) -> Threshold:
    """The last of ``thresholds`` whose glob matches; the default where none does."""
    matching = [each for each in thresholds if fnmatchcase(name, each.glob)]
    return matching[-1] if matching else Threshold()


def parse_thresholds(value: Any) -> tuple[Threshold, ...]:
    """Text, or a table from glob to text.  Raises ``ValueError`` with what it must be."""
    return tuple(_each(value))


def _each(value: Any) -> Iterator[Threshold]:
    for glob, text in value.items() if isinstance(value, dict) else [("*", value)]:
        amounts = dict(_amounts(text))
        yield Threshold(
            glob=glob, relative=amounts.get("%", 0.0), seconds=amounts.get("seconds", 0.0)
        )


def _amounts(text: Any) -> Iterator[tuple[str, float]]:
    for part in text.split(",") if isinstance(text, str) else [""]:
        found = _AMOUNT.fullmatch(part.strip())
        if not found:
            raise ValueError('must be such as "3%", "50us" or "3%, 50us"')
        number, unit = found.groups()
        yield ("%" if unit == "%" else "seconds"), float(number) * _UNITS[unit]
