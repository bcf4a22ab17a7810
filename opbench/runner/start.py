"""How a run begins: a new one from patterns and lists, an old one from its file.

Nothing is written before everything that the user can mend has been checked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opbench import __version__
from opbench.environment import system_facts
from opbench.errors import BadFileError, BadValueError, OpbenchError
from opbench.record import Cell, unequal_facts
from opbench.runner.plan import Planned, Sweep, make_plan
from opbench.runner.rounds import Conditions
from opbench.runner.sheet import Sheet, available_cores
from opbench.runner.workers import Workers, done
from opbench.store import FORMAT, Run
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that could begin: what is to be measured, under which conditions, and the line that
    says so."""

    sheet: Sheet
    conditions: Conditions
    line: Json

    def first_line(self, run: str) -> Json:
        """The first line to write into the file of ``run``."""
        return {**self.line, "run": run}


def prepare(
    patterns: Sequence[str],
    sweep: Sweep,
    protocol: Protocol,
    cuda: CudaOptions,
    workers: Workers,
) -> Prepared:
    """A new run.  Raises ``OpbenchError`` for a target, device or size that cannot be."""
    own_inputs = not sweep.input_sizes
    found = _look_around(patterns, sweep.devices, cuda, sized=not own_inputs, workers=workers)
    plan = make_plan([Planned(**target) for target in found["targets"]], sweep)
    conditions = Conditions(cuda=cuda, own_inputs=own_inputs, gpus=found["gpus"])
    header = {
        "kind": "header",
        "format": FORMAT,
        "opbench": __version__,
        "started": _now(),
        "environment": system_facts() | found["facts"],
        "protocol": asdict(protocol),
        "cuda": asdict(cuda),
        "own_inputs": own_inputs,
        "plan": [asdict(cell) for cell in plan],
    }
    return Prepared(
        sheet=Sheet(plan, protocol, available_cores()), conditions=conditions, line=header
    )


def resume(run: Run, workers: Workers) -> Prepared:
    """What is missing of ``run``.

    Raises ``OpbenchError`` where nothing is, or where this is not the environment it was made in.
    """
    try:
        return _resumed(run, workers)
    except (KeyError, TypeError) as error:
        raise BadFileError(
            f"{run.path}, line 1: the header lacks what a run needs to go on ({error}): "
            "start a new run"
        ) from None


def _resumed(run: Run, workers: Workers) -> Prepared:
    header = run.header
    if run.finished:
        raise BadValueError(f"{run.path} is finished: there is nothing to go on with")
    plan = [Cell.from_json(row) for row in header["plan"]]
    cuda = CudaOptions(**header["cuda"])
    protocol = Protocol(**header["protocol"])
    devices = list(dict.fromkeys(cell.device for cell in plan))
    found = _look_around(None, devices, cuda, sized=True, workers=workers)
    now = system_facts() | found["facts"]
    if unequal := unequal_facts(header["environment"], now):
        raise OpbenchError(
            f"{run.path} was made in another environment ({', '.join(unequal)} differ): "
            "start a new run"
        )
    sheet = Sheet(plan, protocol, available_cores())
    for line in run.lines:
        sheet.add(line)
    conditions = Conditions(cuda=cuda, own_inputs=header["own_inputs"], gpus=found["gpus"])
    return Prepared(
        sheet=sheet,
        conditions=conditions,
        line={"kind": "resumed", "at": _now(), "environment": now},
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _look_around(
    patterns: Sequence[str] | None,
    devices: Sequence[str],
    cuda: CudaOptions,
    *,
    sized: bool,
    workers: Workers,
) -> Mapping[str, Any]:
    """What a worker knows: targets (none where ``patterns`` is None), facts, GPUs."""
    request = {
        "job": "targets",
        "patterns": patterns if patterns is None else list(patterns),
        "devices": list(devices),
        "sized": sized,
        "cuda": asdict(cuda),
    }
    return done(workers.ask(request))
