"""Machines of one name that are not equal, told apart by what differs.

Cells are of equal machines where the GPU, or the processor of cells on the CPU, has one name and
no known fact says otherwise: then the latest counts of a cell that was measured twice.  Where a
fact does, as on virtual machines that name no model, it becomes a part of the name, and the cell
has two rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opbench.record import Failure, Record
from opbench.runs.store import RunFile

# By the fact that names a machine: the facts that tell two apart, and their words.
_FACTS = {
    "cpu": {
        "cpu_vendor": "{}",
        "cpu_family": "family {}",
        "cpu_model": "model {}",
        "cores": "{} cores",
        "container_cores": "limited to {} cores",
    },
    "gpu": {"gpu_memory_bytes": "{} bytes", "gpu_power_limit_w": "{} W"},
}


def tell_apart(runs: Sequence[RunFile]) -> list[RunFile]:
    """Return runs whose headers name machines that differ by names that do."""
    measured = [(run, {*_measured(run)}) for run in runs]
    known = {
        fact: _values(fact, (run for run, facts in measured if fact in facts)) for fact in _FACTS
    }
    return [_renamed(run, facts, known) for run, facts in measured]


Values = Mapping[tuple[Any, str], set[Any]]


def _values(fact: str, runs: Iterable[RunFile]) -> Values:
    """Return the values of each other fact of the machines that are called alike."""
    found: dict[tuple[Any, str], set[Any]] = {}
    for run in runs:
        for other in _FACTS[fact]:
            if _plain(value := run.header.environment.get(other)):
                found.setdefault((_name(run, fact), other), set()).add(value)
    return found


def _renamed(run: RunFile, facts: Iterable[str], known: Mapping[str, Values]) -> RunFile:
    environment = dict(run.header.environment)
    for fact in facts:
        name = _name(run, fact)
        told = [
            words.format(environment[other])
            for other, words in _FACTS[fact].items()
            if len(known[fact].get((name, other), ())) > 1 and _plain(environment.get(other))
        ]
        if name and told:
            environment[fact] = f"{name} ({', '.join(told)})"
    if environment == run.header.environment:
        return run
    return replace(run, header=replace(run.header, environment=environment))


def _measured(run: RunFile) -> Iterator[str]:
    """Yield the facts that name the machines on which cells of a run are measured."""
    devices = {line.cell.device for line in run.lines if isinstance(line, Record | Failure)}
    if "cpu" in devices:
        yield "cpu"
    if devices - {"cpu"}:
        yield "gpu"


def _name(run: RunFile, fact: str) -> str:
    name = run.header.environment.get(fact)
    return name if isinstance(name, str) else ""


def _plain(value: Any) -> bool:
    """Return whether a fact can be told; a file may hold anything."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)
