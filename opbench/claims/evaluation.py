"""Every statement tried on the evidence; what cannot be tried says what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from opbench.claims import accuracies, modules, networks, progress, resources, study, timings
from opbench.claims.evidence import Evidence, LackingError
from opbench.claims.statement import Answer, Finding, Statement, Trial
from opbench.errors import UnknownNameError
from opbench.names import matching
from opbench.table import Folder
from opbench.table.cells import Conditions
from opbench.table.measured import MEASURED

STATEMENTS: tuple[Statement, ...] = (
    *modules.STATEMENTS,
    *networks.STATEMENTS,
    *accuracies.STATEMENTS,
    *progress.STATEMENTS,
    *study.STATEMENTS,
    *timings.STATEMENTS,
    *resources.STATEMENTS,
)

# The part of the timings that may be unstable.
_UNSTABLE = 0.1
_NO_RUN = "timed networks: `opbench run --device cpu` measures them"


def evaluate(folder: Folder, statements: Sequence[Statement] = STATEMENTS) -> tuple[Finding, ...]:
    """Try ``statements`` on a results folder; a timed one on each device in turn."""
    return try_on(Evidence.of(folder), statements)


def chosen(patterns: Iterable[str]) -> tuple[Statement, ...]:
    """Return the statements of which a pattern matches a word, in their order.

    Raises ``UnknownNameError`` for a pattern that matches none.
    """
    wanted: set[str] = set()
    for pattern in patterns:
        found = {each.key for each in STATEMENTS if matching(pattern, each.words)}
        if not found:
            keys = [each.key for each in STATEMENTS]
            raise UnknownNameError("claim", pattern, keys, see="`opbench claims` shows all")
        wanted |= found
    return tuple(each for each in STATEMENTS if each.key in wanted)


def try_on(evidence: Evidence, statements: Sequence[Statement] = STATEMENTS) -> tuple[Finding, ...]:
    """Try ``statements`` on ``evidence``, in their order."""
    return tuple(finding for statement in statements for finding in _findings(statement, evidence))


def _findings(statement: Statement, evidence: Evidence) -> Iterator[Finding]:
    if not statement.timed:
        yield _finding(statement, evidence, f"counts and {_accuracies(evidence)}")
    elif not evidence.conditions:
        yield _written(statement, Trial(answer=Answer.unknown, found=""), _NO_RUN, "no run")
    else:
        for on, conditions in _settings(statement, evidence):
            yield _finding(statement, evidence.under(*conditions), on)


def _settings(
    statement: Statement, evidence: Evidence
) -> Iterator[tuple[str, tuple[Conditions, ...]]]:
    """Yield the conditions that a timed statement is tried under, and what they are called."""
    for usual, alike in evidence.by_device():
        if statement.across_runtimes:
            yield f"{usual}, {len(alike)} runtime{'s' * (len(alike) > 1)}", alike
        else:
            for each in (usual,) if usual in alike else alike:
                yield str(each), (each,)


def _accuracies(evidence: Evidence) -> str:
    measured = any(each.evidence == MEASURED for each in evidence.accuracies.values())
    return "accuracies, published or measured here" if measured else "published accuracies"


def _finding(statement: Statement, evidence: Evidence, on: str) -> Finding:
    try:
        trial = statement.test(evidence)
    except LackingError as lacking:
        return _written(statement, Trial(answer=Answer.unknown, found=""), str(lacking), on)
    if statement.timed and not statement.memory and (unstable := _unstable(evidence)):
        return _written(statement, replace(trial, answer=Answer.unknown), unstable, on)
    return _written(statement, trial, "", on)


def _unstable(evidence: Evidence) -> str:
    """Count the cells without a steady time; nothing where they are few."""
    cells = evidence.timed()
    unstable = sum(cell.record.measurement.quality == "unstable" for cell in cells)
    few = unstable <= _UNSTABLE * len(cells)
    return "" if few else f"{unstable} of {len(cells)} unstable"


def _written(statement: Statement, trial: Trial, missing: str, on: str) -> Finding:
    return Finding(
        key=statement.key,
        statement=statement.statement,
        source=f"{statement.source.name}, {statement.place}",
        source_url=statement.source.url,
        test=statement.how,
        expected=statement.expected,
        found=trial.found,
        verdict=str(trial.answer),
        missing=missing,
        on=on,
    )
