"""Make the rows of ``opbench count``, in processes of their own, so that no target can end it.

``names`` and ``rows`` run there; what they take and return is JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opbench.cli.conventions import convention_rows
from opbench.cli.progress import Progress
from opbench.cli.rows import Asked, target_rows
from opbench.errors import OpbenchError, named
from opbench.processes.calls import CallLimits, Done, Failed, Outcome, isolated, module_of

Rows = list[dict[str, Any]]

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


def count_all(
    patterns: Sequence[str],
    asked: Asked,
    convention: str | None,
    *,
    jobs: int,
    timeout: float | None,
) -> Rows:
    """Return the rows of all targets, in their order; one that fails is a row with the reason.

    What a single target raises is the command's error.
    """
    head = {"asked": asked.to_json(), "convention": convention}
    with isolated(_PRELOAD, jobs=jobs) as calls:
        found = result(calls.call(f"{__name__}:names", list(patterns)))
        questions = {name: {"name": name, **head} for name in found}
        counted = calls.outcomes(
            f"{__name__}:rows", questions, CallLimits(seconds=timeout), group=module_of
        )
        made = dict(_shown(counted, len(found)))
    if len(made) == 1 and isinstance(alone := made[found[0]], Failed) and alone.mendable:
        raise OpbenchError(named(found[0], alone.reason))
    return [row for name in found for row in _rows(name, made[name])]


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
