"""Every statement tried on the evidence; what cannot be tried says what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opbench.claims import accuracies, modules, networks, resources, study, timings
from opbench.claims.evidence import Evidence, LackingError
from opbench.claims.statement import Answer, Finding, Statement, Trial
from opbench.table import Folder

STATEMENTS: tuple[Statement, ...] = (
    *modules.STATEMENTS,
    *networks.STATEMENTS,
    *accuracies.STATEMENTS,
    *study.STATEMENTS,
    *timings.STATEMENTS,
    *resources.STATEMENTS,
)

_NO_RUN = "timed networks: `opbench run --device cpu` measures them"


def evaluate(folder: Folder) -> tuple[Finding, ...]:
    """Try every statement on a results folder; a timed one on each device in turn."""
    return try_on(Evidence.of(folder))


def try_on(evidence: Evidence, statements: Sequence[Statement] = STATEMENTS) -> tuple[Finding, ...]:
    """Try ``statements`` on ``evidence``, in their order."""
    return tuple(finding for statement in statements for finding in _findings(statement, evidence))


def _findings(statement: Statement, evidence: Evidence) -> Iterator[Finding]:
    if not statement.timed:
        yield _finding(statement, evidence, "counts and published accuracies")
    elif not evidence.conditions:
        yield _written(statement, Trial(answer=Answer.unknown, found=""), _NO_RUN, "no run")
    else:
        for conditions in evidence.conditions:
            yield _finding(statement, evidence.under(conditions), str(conditions))


def _finding(statement: Statement, evidence: Evidence, on: str) -> Finding:
    try:
        return _written(statement, statement.test(evidence), "", on)
    except LackingError as lacking:
        return _written(statement, Trial(answer=Answer.unknown, found=""), str(lacking), on)


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
