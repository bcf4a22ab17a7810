"""Render SARIF 2.1.0: a result per outcome that is not a plain pass.

Reference: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opbench import __version__
from opbench.escapes import json_text, printable
from opbench.reports import Level, Outcome, Place, worst_first

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {Level.ERROR: "error", Level.FAIL: "error", Level.NOTE: "note"}


def sarif(outcomes: Sequence[Outcome], *, title: str, statuses: Mapping[str, str]) -> str:
    """Render the log.  ``statuses`` are all that an outcome can have, with a sentence on each."""
    rules = [
        {
            "id": _id(title, status),
            "name": status,
            "shortDescription": {"text": meaning},
            "help": {"text": f"{meaning}  `{title} --help` explains the command."},
        }
        for status, meaning in statuses.items()
    ]
    run = {
        "tool": {
            "driver": {
                "name": "opbench",
                "version": __version__,
                "rules": rules,
            }
        },
        "results": [_result(each, title) for each in worst_first(outcomes)],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(outcome: Outcome, title: str) -> dict[str, Any]:
    rule = _id(title, outcome.status)
    result: dict[str, Any] = {
        "ruleId": rule,
        "level": _LEVELS[outcome.level],
        "message": {"text": outcome.text},
        # One alert per target and verdict, however the lines of the lock move.
        "partialFingerprints": {"target/v1": f"{rule}:{outcome.name}"},
    }
    if outcome.places:
        first, *related = map(_location, outcome.places)
        result["locations"] = [first]
        if related:
            result["relatedLocations"] = related
    return result


def _location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(place.path)},
            "region": {"startLine": place.line},
        }
    }


def _id(title: str, status: str) -> str:
    return f"{title}/{status}".replace(" ", "-")


def _uri(path: str) -> str:
    # No surrogate has a place in an address.
    seen = printable(path)
    return Path(seen).as_uri() if Path(seen).is_absolute() else quote(seen)
