"""Reports of a check: for people, for programs, and for continuous integration.

    FORMATS[name].write(report)     the report as text

text, table  a table, and why
markdown     the same for a pull request
json, csv    every fact of every outcome
github       annotations: workflow commands, one line each
junit        JUnit XML, which every CI server shows
sarif        SARIF 2.1.0, which code scanning shows

A command turns its findings into a ``Report`` and has it written here; the command decides what
is a finding and how severe it is.  A new format is a file here and a row of ``FORMATS`` in
``formats``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from opbench.escapes import printable

SHOWN = 10  # details of one outcome that people are shown; files for programs have all


class Level(StrEnum):
    """The severity of an outcome."""

    PASS = "pass"
    NOTE = "note"  # passes, and someone should know
    FAIL = "fail"  # the answer is no
    ERROR = "error"  # there is no answer


class Place(NamedTuple):
    """A line of a file; ``path`` is relative to the checkout, with forward slashes."""

    path: str
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing checked.

    ``status`` is one word or two from a short list; ``summary`` one sentence; ``details`` and
    ``causes`` further ones.  ``alike`` has a key for each cause, equal where two outcomes have the
    same one.  The first of ``places`` is where a reader should look, the others are related to it.
    ``row`` has the facts for programs and tables.
    """

    name: str
    status: str
    level: Level
    summary: str
    details: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    row: Mapping[str, Any] = field(default_factory=dict)

    @property
    def why(self) -> tuple[str, ...]:
        """Details and causes."""
        return (*self.details, *self.causes)

    @property
    def text(self) -> str:
        """Summary, details and causes, one printable line each."""
        return "\n".join(map(printable, (self.summary, *self.why)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcomes of one check.

    ``title`` names the check; ``summary`` counts its outcomes; ``statuses`` are all that an
    outcome can have, with a sentence on each; ``render`` writes rows in a format of tables;
    ``width`` is that of the terminal on which text is wrapped.
    """

    title: str
    summary: str
    outcomes: Sequence[Outcome]
    statuses: Mapping[str, str]
    render: Callable[[Sequence[Mapping[str, Any]], str], str]
    width: int | None = None

    @property
    def notable(self) -> list[Outcome]:
        """The outcomes that are no plain passes, in their order."""
        return [each for each in self.outcomes if each.level is not Level.PASS]

    def rows(self, format: str, *, notable: bool = False) -> str:
        """Render the rows of all outcomes, or of the notable ones."""
        outcomes = self.notable if notable else self.outcomes
        return self.render([each.row for each in outcomes], format)

    def paragraphs(self) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        """Yield summaries with their details; outcomes with the same first cause share them."""
        for group in grouped(self.notable, bare=True):
            yield [each.summary for each in group], first(shared_details(group))


def worst_first(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes that are no plain passes, failures first."""
    found = [each for each in outcomes if each.level is not Level.PASS]
    return sorted(found, key=lambda each: each.level is Level.NOTE)


def grouped(outcomes: Iterable[Outcome], *, bare: bool = False) -> list[list[Outcome]]:
    """Group outcomes by their first cause; ``bare``: also those that are a summary alone.

    The first of each group keeps its place.
    """
    groups: dict[Any, list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        alone = None if bare and not outcome.why else number
        groups.setdefault(outcome.alike[0] if outcome.alike else alone, []).append(outcome)
    return list(groups.values())


def shared_details(group: Sequence[Outcome]) -> tuple[str, ...]:
    """Return the details and causes that all outcomes share, then the causes of single ones."""
    if len(group) == 1:
        return group[0].why
    shared = set(group[0].alike).intersection(*(each.alike for each in group))
    keyed = [(each.name, key, cause) for each in group for key, cause in _keyed(each)]
    return (
        *(each for each in group[0].details if all(each in one.details for one in group)),
        *(cause for key, cause in _keyed(group[0]) if key in shared),
        *(f"{name}: {cause}" for name, key, cause in keyed if key not in shared),
    )


def _keyed(outcome: Outcome) -> Iterator[tuple[str, str]]:
    return zip(outcome.alike, outcome.causes, strict=False)


def first(details: tuple[str, ...]) -> tuple[str, ...]:
    """Return the details that people are shown, and how many there are besides."""
    if len(details) <= SHOWN:
        return details
    more = len(details) - SHOWN
    noun = "change" if more == 1 else "changes"
    return (*details[:SHOWN], f"and {more} more {noun}: --format json has them all")
