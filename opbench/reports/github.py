"""Render GitHub annotations: workflow commands on stdout.

GitHub shows 10 errors and 10 notices of a step and drops the rest without a word, so at most 10
are written, failures first, and the last of them says how many are not shown.  Outcomes with the
same first cause are one annotation.  It has one place: others are named in its text.

Reference: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opbench.escapes import printable
from opbench.reports import (
    Level,
    Outcome,
    Place,
    first,
    grouped,
    shared_details,
    worst_first,
)

LIMIT = 10

_COMMANDS = {Level.ERROR: "error", Level.FAIL: "error", Level.NOTE: "notice"}


def github(outcomes: Sequence[Outcome], *, title: str) -> str:
    """Render at most ``LIMIT`` annotations, one line each; empty when there is nothing to say."""
    wanted = [_together(group) for group in grouped(worst_first(outcomes))]
    if len(wanted) <= LIMIT:
        return "".join(_annotation(each, title) for each in wanted)
    shown, rest = wanted[: LIMIT - 1], wanted[LIMIT - 1 :]
    more = Outcome(
        name=f"{len(rest)} more",
        status="not shown",
        level=rest[0].level,
        summary=", ".join(each.name for each in rest) + ": the step summary has them all",
    )
    return "".join(_annotation(each, title) for each in (*shown, more))


def _together(group: Sequence[Outcome]) -> Outcome:
    """Return one outcome for those with the same cause, at the place of the first, the worst."""
    if len(group) == 1:
        return group[0]
    return replace(
        group[0],
        name=", ".join(each.name for each in group),
        summary="; ".join(each.summary for each in group),
        details=shared_details(group),
        causes=(),
        places=tuple(dict.fromkeys(place for each in group for place in each.places)),
    )


def _annotation(outcome: Outcome, title: str) -> str:
    place, *related = outcome.places or [None]
    properties = {"file": place.path, "line": str(place.line)} if place else {}
    properties["title"] = f"{title}: {outcome.name} {outcome.status}"
    written = ",".join(f"{key}={_property(printable(value))}" for key, value in properties.items())
    lines = (outcome.summary, *first(outcome.why), *_related(related))
    text = "\n".join(map(printable, lines))
    return f"::{_COMMANDS[outcome.level]} {written}::{_data(text)}\n"


def _related(places: Sequence[Place | None]) -> list[str]:
    return [f"see also {each.path}, line {each.line}" for each in places if each]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
