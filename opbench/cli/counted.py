"""Make the rows of ``opbench count``, in processes of their own, so that no target can end it.

``names`` and ``rows`` run there; what they take and return is JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from opbench.cli.conventions import convention_rows
from opbench.cli.progress import Progress
from opbench.cli.render import plural, say
from opbench.cli.rows import Asked, By, target_rows
from opbench.errors import BadValueError, OpbenchError, named
from opbench.processes.calls import CallLimits, Done, Failed, Outcome, isolated, module_of
from opbench.shards import Shard
from opbench.spec import Shape

Rows = list[dict[str, Any]]

_IMAGE = Shape((3, 224, 224))

# Imported once before all counts; counting imports more when it is first used.
_PRELOAD = (__name__, "opbench.registry.targets:warm_up")


def names(patterns: Sequence[str]) -> list[str]:
    """Return the names of the targets that patterns name."""
    from opbench.registry.targets import resolve

    return [target.name for target in resolve(patterns)]


def rows(question: Mapping[str, Any]) -> Rows:
    """Return the rows of one target."""
    name, asked = question["name"], Asked.from_json(question["asked"])
    if question["convention"] is None:
        return target_rows(name, asked)
    return convention_rows(name, asked, question["convention"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """The convention of a count, the targets that it is of, and its number of processes.

    ``timeout``: seconds for each; None for as long as it takes.
    """

    convention: str | None = None
    shard: Shard | None = None
    jobs: int = 1
    timeout: float | None = None


def count_all(patterns: Sequence[str], asked: Asked, how: Counting) -> Rows:
    """Return the rows of all targets, in their order; one that fails is a row with the reason.

    Where none is counted and none ended its process, the reasons are errors, with exit code 2.
    """
    head = {"asked": asked.to_json(), "convention": how.convention}
    with isolated(_PRELOAD, jobs=how.jobs) as calls:
        found = _of_shard(result(calls.call(f"{__name__}:names", list(patterns))), how.shard)
        questions = {name: {"name": name, **head} for name in found}
        counted = calls.outcomes(
            f"{__name__}:rows", questions, CallLimits(seconds=how.timeout), group=module_of
        )
        made = dict(_shown(counted, len(found)))
    rows = [row for name in found for row in _rows(name, made[name])]
    if made and all(isinstance(each, Failed) and each.mendable for each in made.values()):
        say_failures(rows)
        raise typer.Exit(2)
    if asked.size and rows and all(row.get("own_inputs") for row in rows):
        raise BadValueError(f"{rows[0]['name']} brings its own inputs: remove --input-size")
    return rows


def _of_shard(names: Sequence[str], shard: Shard | None) -> Sequence[str]:
    if shard is None:
        return names
    mine = shard.dealt(names)
    if not mine:
        say(f"shard {shard} has none of {plural(len(names), 'target')}")
    return [name for name in names if name in mine]


def names_of(patterns: Sequence[str]) -> list[str]:
    """Return the names of the targets that patterns name.  Raises ``OpbenchError``."""
    with isolated(_PRELOAD) as calls:
        found: list[str] = result(calls.call(f"{__name__}:names", list(patterns)))
    return found


def macs_of(target: str) -> int:
    """Count one network, which is given an image of ImageNet where it brings no inputs.

    Raises ``OpbenchError``.
    """
    outcome: Outcome | None = None
    with isolated(_PRELOAD) as calls:
        for size in (None, _IMAGE):
            asked = Asked(size=size, batch_size=1, dtype=None, by=By.model, depth=None, top=None)
            question = {"name": target, "asked": asked.to_json(), "convention": None}
            outcome = calls.call(f"{__name__}:rows", question)
            if isinstance(outcome, Done):
                return int(outcome.result[0]["macs"])
    assert isinstance(outcome, Failed)
    raise OpbenchError(named(target, outcome.reason))


def say_failures(rows: Rows) -> None:
    """Say why targets have no count."""
    for row in rows:
        if row.get("error"):
            say(f"error: {named(row['name'], row['error'])}")


def result(outcome: Outcome) -> Any:
    """Return the result of a call.  Raises ``OpbenchError`` where there is none."""
    if isinstance(outcome, Failed):
        raise OpbenchError(outcome.reason)
    return outcome.result


def _shown(counted: Iterator[tuple[str, Outcome]], total: int) -> Iterator[tuple[str, Outcome]]:
    with Progress(total, "counted") as progress:
        for name, outcome in counted:
            progress.advance(name, failed=isinstance(outcome, Failed))
            yield name, outcome


def _rows(name: str, outcome: Outcome) -> Rows:
    if isinstance(outcome, Done):
        return list(outcome.result)
    return [{"name": name, "error": outcome.reason}]
