"""Reports for continuous integration: GitHub annotations, JUnit XML, SARIF.

github      annotations: workflow commands, one line each
junit       JUnit XML, which every CI server shows
sarif       SARIF 2.1.0, which code scanning shows

A command turns its findings into outcomes and has them written here; what a finding *is* stays
the command's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity of an outcome."""

    PASS = "pass"
    NOTE = "note"  # passes, and someone should know
    FAIL = "fail"  # the answer is no
    ERROR = "error"  # there is no answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing checked.

    ``status`` is one word or two from a short list; ``summary`` one sentence; ``details`` further
    ones.  ``path``, relative to the checkout with forward slashes, and ``line`` are where a
    reader should look.
    """

    name: str
    status: str
    level: Level
    summary: str
    details: tuple[str, ...] = ()
    path: str = ""
    line: int = 1

    @property
    def text(self) -> str:
        """Summary and details, one line each."""
        return "\n".join((self.summary, *self.details))


def notable(outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes to report, failures first; plain passes are left out."""
    order = {Level.ERROR: 0, Level.FAIL: 0, Level.NOTE: 1}
    found = [each for each in outcomes if each.level is not Level.PASS]
    return sorted(found, key=lambda each: order[each.level])
