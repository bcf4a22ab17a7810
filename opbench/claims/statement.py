"""A statement, what was found when it was tried, and the works that statements come from."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from opbench.claims.evidence import Evidence


class Answer(StrEnum):
    """The answer of a trial."""

    holds = "holds"
    fails = "does not hold"
    unknown = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The work that makes a statement."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of a test: the numbers found, in words, and the answer."""

    answer: Answer
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One checkable statement.

    ``place`` is where in the source; ``how`` is the test in words, thresholds included;
    ``expected`` what the source says, as a number where it gives one.  ``test`` raises
    ``LackingError`` when the evidence does not suffice.  A ``timed`` statement is tried once on
    every device that was measured, and its answer is *cannot tell* where more than a tenth of the
    timings are unstable, unless it is about ``memory``, which has no noise.  It is about eager
    execution, or whatever else was timed where that was not; one that is ``across_runtimes`` is
    about all of them together.
    """

    key: str
    statement: str
    source: Source
    place: str
    how: str
    expected: str
    test: Callable[[Evidence], Trial]
    timed: bool = False
    memory: bool = False
    across_runtimes: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The words that find it: its key whole and in parts, networks, authors, arXiv numbers."""
        told = f"{self.key} {self.statement} {self.how} {self.source.name}".replace("'s", " ")
        whole = re.findall(r"[\w.-]*\w", told)
        return (*whole, *self.key.split("-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A statement beside what was found, flat, as it is printed.

    ``on`` is the device of a timed statement, else what kind of results it rests on; ``missing``
    is empty unless the verdict is *cannot tell*; ``found`` may hold numbers even then, which are
    not steady enough for an answer.
    """

    key: str
    statement: str
    source: str
    source_url: str
    test: str
    expected: str
    found: str
    verdict: str
    missing: str
    on: str


def trial(holds: bool, found: str) -> Trial:
    """Holds or does not."""
    return Trial(answer=Answer.holds if holds else Answer.fails, found=found)


ARTICLE = Source(
    name="Culurciello, Neural Network Architectures",
    url="https://culurciello.github.io/tech/2016/06/04/nets.html",
)
PAPER = Source(
    name="Canziani, Paszke, Culurciello, arXiv:1605.07678", url="https://arxiv.org/abs/1605.07678"
)
