"""How a run begins: a new one from patterns and lists, an old one from its file.

Nothing is written before everything that the user can mend has been checked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from opbench import __version__
from opbench.errors import BadFileError, BadValueError, OpbenchError
from opbench.record import Cell, unequal_facts
from opbench.runs.environment import system_facts
from opbench.runs.loop import Conditions
from opbench.runs.plan import Planned, Sweep, make_plan
from opbench.runs.pool import Workers, done
from opbench.runs.state import Sheet, available_cores, taken_up
from opbench.runs.store import FORMAT, Run, find_run, read_run, run_files
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
    targets = [Planned(**target) for target in found["targets"]]
    plan = make_plan(targets, sweep)
    _try_sizes(targets, sweep, workers)
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


def run_to_resume(results: Path, name: str | None = None) -> Run:
    """The run called ``name``, or else the newest that lacks something, or else the newest.

    Raises ``BadFileError`` where there is none.
    """
    newest = read_run(find_run(results, name))
    if name is not None:
        return newest
    runs = map(read_run, reversed(run_files(results)))
    return next((run for run in runs if _sheet(run).missing), newest)


def resume(run: Run, workers: Workers) -> Prepared:
    """What is missing of ``run``.

    Raises ``OpbenchError`` where nothing is, or where this is not the environment it was made in.
    """
    sheet = _sheet(run)
    if not sheet.missing:
        raise BadValueError(f"{run.path} is finished: there is nothing to go on with")
    try:
        cuda, own_inputs = CudaOptions(**run.header["cuda"]), run.header["own_inputs"]
        before = run.header["environment"]
    except (KeyError, TypeError) as error:
        raise _lacks(run, error) from None
    devices = list(dict.fromkeys(cell.device for cell in sheet.plan))
    found = _look_around(None, devices, cuda, sized=True, workers=workers)
    now = system_facts() | found["facts"]
    if unequal := unequal_facts(before, now):
        raise OpbenchError(
            f"{run.path} was made in another environment ({', '.join(unequal)} differ): "
            "start a new run"
        )
    return Prepared(
        sheet=sheet,
        conditions=Conditions(cuda=cuda, own_inputs=own_inputs, gpus=found["gpus"]),
        line={"kind": "resumed", "at": _now(), "environment": now},
    )


def _sheet(run: Run) -> Sheet:
    """What is known of the cells of ``run``."""
    try:
        plan = [Cell.from_json(row) for row in run.header["plan"]]
        protocol = Protocol(**run.header["protocol"])
    except (KeyError, TypeError) as error:
        raise _lacks(run, error) from None
    return taken_up(run.lines, Sheet(plan, protocol, available_cores()))


def _lacks(run: Run, error: Exception) -> BadFileError:
    return BadFileError(
        f"{run.path}, line 1: the header lacks what a run needs to go on ({error}): start a new run"
    )


def _try_sizes(targets: Sequence[Planned], sweep: Sweep, workers: Workers) -> None:
    """Refuse sizes that no target can take; where one can, the others are rows with their reason.

    A pass is traced, on the meta device or the CPU.  Whoever brings a network for a GPU may need
    one: only of a target that came with a size is it known that it can be traced.
    """
    if any(not each.input_size for each in targets) and set(sweep.devices) != {"cpu"}:
        return
    asked = product([each.name for each in targets], sweep.input_sizes)
    if sweep.input_sizes and not any(_can_be_traced(*each, workers) for each in asked):
        size, name = sweep.input_sizes[0], targets[0].name
        raise BadValueError(
            f"no target can take images of {' or '.join(sweep.input_sizes)}: "
            f"`opbench count {name} --input-size {size}` says why"
        )


def _can_be_traced(name: str, size: str, workers: Workers) -> bool:
    reply = workers.ask({"job": "counts", "targets": [(name, size)]})
    # A worker that died of it says nothing of the size.
    return reply.done is None or bool(reply.done)


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
