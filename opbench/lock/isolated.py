"""Count again what a lock holds, in processes of their own, so that no target can end the check.

with isolated(PRELOAD) as calls:
    found = find(calls, patterns, targets)
    for name, counted in recount_all(calls, found, wanted, locked, 60.0): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opbench.errors import OpbenchError
from opbench.inputs import asked_to_json
from opbench.lock.blocks import Block, FreshBlock
from opbench.lock.sizes import CountRequest
from opbench.lock.verdict import Problem
from opbench.processes.calls import CallLimits, Calls, Failed, Outcome, module_of

PRELOAD = ("opbench.lock.recount", "opbench.registry.targets:warm_up")

Found = Mapping[str, Problem | None]


def find(calls: Calls, patterns: Sequence[str], locked: Sequence[str]) -> Found:
    """Return the targets that exist, and the problems of those that do not.

    ``locked`` are the targets in the lock.  A pattern that matches nothing is a problem itself.
    """
    question = {"patterns": list(patterns), "held": list(locked)}
    outcome = calls.call("opbench.lock.recount:find_json", question)
    if isinstance(outcome, Failed):
        raise OpbenchError(outcome.reason)
    return {name: Problem(**why) if why else None for name, why in outcome.result.items()}


def recount_all(
    calls: Calls,
    found: Found,
    wanted: Mapping[str, CountRequest],
    locked: Mapping[str, Block],
    seconds: float | None,
) -> Iterator[tuple[str, Block | Problem]]:
    """Yield each name of ``wanted`` with its block or problem as soon as it is counted.

    ``seconds`` is how long one target may take.
    """
    questions = {}
    for name, (target, asked) in wanted.items():
        if problem := found[target]:
            yield name, problem
            continue
        block = locked.get(name)
        held = block.to_json() if block else None
        questions[name] = {"name": target, "locked": held, "asked": asked_to_json(asked)}
    outcomes = calls.outcomes(
        "opbench.lock.recount:recount_json",
        questions,
        CallLimits(seconds=seconds),
        group=module_of,
    )
    for name, outcome in outcomes:
        yield name, _counted(outcome)


def _counted(outcome: Outcome) -> Block | Problem:
    if isinstance(outcome, Failed):
        return Problem(reason=outcome.reason)
    problem = outcome.result.get("problem")
    return Problem(**problem) if problem else FreshBlock.from_json(outcome.result)
