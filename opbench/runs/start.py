"""Start a run: a new one from patterns and lists, an interrupted one from its file.

Nothing is written before everything that the user can fix has been checked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opbench import __version__
from opbench.errors import BadFileError, BadValueError, OpbenchError, TargetError, named
from opbench.files import Appender
from opbench.inputs import AskedInputs, asked_to_json
from opbench.line_files import Damage
from opbench.locks import in_use
from opbench.names import require_utf8
from opbench.record import Cell
from opbench.runs.environment import system_facts, unequal_facts
from opbench.runs.lines import RUN, Header, Resumed
from opbench.runs.loop import Run, RunSettings, Watcher
from opbench.runs.parts import are_parts, of_shard, parts_beside, plan_of, settled
from opbench.runs.plan import Planned, Sweep, make_plan, require_one_graph
from opbench.runs.pool import Handler, Workers, done
from opbench.runs.shelf import Shelf
from opbench.runs.state import RunState, available_cores
from opbench.runs.store import RunFile, find_run, read_run, read_runs
from opbench.timing.gpu import open_gpu
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run ready to start."""

    state: RunState
    settings: RunSettings
    header: Header | Resumed

    @property
    def continues(self) -> bool:
        """True where the lines go into the file of an interrupted run."""
        return isinstance(self.header, Resumed)

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of the cells that are to be measured."""
        return tuple(dict.fromkeys(cell.device for cell in self.state.missing))

    def first_line(self, run: str) -> Header | Resumed:
        """Return the first line to write into the file of ``run``."""
        return replace(self.header, run=run) if isinstance(self.header, Header) else self.header

    def take(self, writer: Appender, workers: Workers, watcher: Watcher) -> None:
        """Measure into a file, until every cell is settled.  Ctrl-C ends it in good order."""
        with writer, TemporaryDirectory(prefix="opbench-") as folder:
            writer.append(RUN.encode(self.first_line(writer.path.stem)))
            Run(
                state=self.state,
                settings=self.settings,
                writer=writer,
                workers=workers,
                watcher=watcher,
                shelf=Shelf(folder=Path(folder)),
            ).go()


def prepare(
    patterns: Sequence[str],
    sweep: Sweep,
    protocol: Protocol,
    cuda: CudaOptions,
    workers: Handler,
    *,
    here: bool = True,
) -> Prepared:
    """Prepare a new run.  Raises ``OpbenchError`` for an impossible target, device or size.

    ``here``: False where another machine measures, whose devices and runtimes are not asked for.
    """
    for each in patterns:
        require_utf8(each)
    require_one_graph(sweep, cuda)
    if sweep.weights:
        asked = {"job": "weights", "patterns": list(patterns), "weights": sweep.weights}
        patterns = done(workers.ask(asked))["names"]
    own_inputs = not sweep.input_sizes
    names = [name for name, _ in sweep.executions]
    devices, names = (sweep.devices, names) if here else ((), [])
    found = _look_around(patterns, devices, names, cuda, workers)
    targets = [
        each
        if (each.input_size or sweep.inputs) and not sweep.stages
        else _resolved(each, workers, sized=not own_inputs, stages=sweep.stages)
        for each in map(Planned.from_json, found["targets"])
    ]
    plan = make_plan(targets, sweep)
    _try_sizes(targets, sweep, workers)
    settings = RunSettings(
        cuda=cuda,
        own_inputs=own_inputs,
        stages=sweep.stages,
        weights=sweep.weights,
        gpus=found["gpus"],
    )
    header = Header(
        format=RUN.version,
        opbench=__version__,
        started=_now(),
        environment=system_facts() | found["facts"],
        protocol=protocol,
        cuda=cuda,
        own_inputs=own_inputs,
        stages=sweep.stages,
        data=sweep.data,
        weights=sweep.weights,
        plan=plan,
    )
    if sweep.shard:
        header = of_shard(header, sweep.shard)
    _require_readable(header)
    return Prepared(
        state=RunState(header.plan, protocol, available_cores()), settings=settings, header=header
    )


def _require_readable(header: Header) -> None:
    """Raise ``BadValueError`` for a run of which nothing could be read again."""
    try:
        RUN.decode(RUN.encode(header))
    except ValueError as error:
        raise BadValueError(f"this run could not be read again ({error}): change it") from None


def run_to_resume(results: Path, name: str | None = None) -> tuple[RunFile, tuple[Damage, ...]]:
    """Return the run called ``name``, else the newest with a cell to measure, else the newest.

    One that is being written comes after the others.  Also returns the runs that could not be read
    and are passed over.  Raises ``BadFileError`` where there is none.
    """
    if name is not None:
        return read_run(find_run(results, name)), ()
    newest = find_run(results)
    runs, damages = read_runs(results)
    if not runs:
        return read_run(newest), ()
    unfinished = [run for run in reversed(runs) if run.header.plan and _state(run, runs).missing]
    idle = (run for run in unfinished if not in_use(run.path))
    read = {run.path for run in runs}
    chosen = next(idle, next(iter(unfinished), runs[-1]))
    return chosen, tuple(each for each in damages if each.path not in read)


def resume(run: RunFile, workers: Handler, *, elsewhere: bool = False) -> Prepared:
    """Prepare what is missing of ``run``, and is not in another file of its plan beside it.

    In another environment that goes into a file of its own, where ``elsewhere`` allows it.  Raises
    ``OpbenchError`` where it does not, or where nothing is missing.
    """
    state = _state(run, parts_beside(run))
    if not state.missing:
        raise BadValueError(f"{run.path} is finished: nothing is left to measure")
    header = run.header
    devices = list(dict.fromkeys(cell.device for cell in state.plan))
    names = list(dict.fromkeys(cell.runtime for cell in state.plan))
    found = _look_around(None, devices, names, header.cuda, workers)
    now = system_facts() | found["facts"]
    settings = RunSettings(
        cuda=header.cuda,
        own_inputs=header.own_inputs,
        stages=header.stages,
        weights=header.weights,
        gpus=found["gpus"],
    )
    unequal = unequal_facts(header.environment, now)
    if not unequal:
        line = Resumed(at=_now(), environment=now)
        return Prepared(state=state, settings=settings, header=line)
    if not elsewhere:
        raise OpbenchError(
            f"{run.path} was made in another environment ({', '.join(unequal)} differ): "
            "start a new run"
        )
    if in_use(run.path):
        raise BadFileError(f"{run.path} is being written by another process: wait for it")
    fresh = RunState(state.missing, header.protocol, available_cores())
    return Prepared(state=fresh, settings=settings, header=_of_the_rest(run, fresh.plan, now))


def _of_the_rest(run: RunFile, cells: tuple[Cell, ...], environment: Json) -> Header:
    """Return the header of a file for those cells of a run that are measured elsewhere."""
    return replace(
        run.header,
        opbench=__version__,
        started=_now(),
        environment=environment,
        plan=cells,
        plan_id=plan_of(run),
        planned=run.header.planned or len(run.header.plan),
    )


def _state(run: RunFile, others: Iterable[RunFile]) -> RunState:
    """Return the state of the cells that no other file of the plan has a record of."""
    if not run.header.plan and not run.header.shard:
        raise BadFileError(f"{run.path}, line 1: the header has no plan: start a new run")
    there = settled(each for each in others if are_parts(each, run))
    cells = [cell for cell in run.header.plan if cell not in there]
    return RunState(cells, run.header.protocol, available_cores()).replay(run.lines)


def _resolved(target: Planned, workers: Handler, *, sized: bool, stages: bool) -> Planned:
    """Return the target with the inputs that it brings, which it must unless sizes are ``sized``.

    With ``stages`` they must be images.
    Raises ``TargetError`` where the target is named wrongly or no size is known.  Where its own
    code fails, or ends the process, its row will say so when its turn comes.
    """
    reply = workers.ask({"job": "inputs", "name": target.name, "sized": sized, "stages": stages})
    if reply.named_wrongly:
        raise TargetError(reply.failed)
    return target if reply.done is None else Planned.from_json(reply.done)


def _try_sizes(targets: Sequence[Planned], sweep: Sweep, workers: Handler) -> None:
    """Refuse sizes that no target can take; where one can, the others are rows with their reason.

    A pass is traced, on the meta device or the CPU.  Whoever brings a network for a GPU may need
    one: only of a target that came with a size is it known that it can be traced.
    """
    if any(not each.input_size for each in targets) and set(sweep.devices) != {"cpu"}:
        return
    refusals = []
    tried: list[tuple[str, AskedInputs]] = [
        (each.name, asked)
        for each in targets
        for asked in ([sweep.inputs] if sweep.inputs else each.sizes(sweep.input_sizes))
    ]
    for name, asked in tried:
        refusal = _refusal(name, asked, workers)
        if not refusal:
            return
        refusals.append(named(name, refusal))
    if refusals:
        raise BadValueError(refusals[0])


def _refusal(name: str, asked: AskedInputs, workers: Handler) -> str:
    """Return the reason why a target cannot take what was asked for, "" where it can."""
    reply = workers.ask({"job": "trace", "name": name, "asked": asked_to_json(asked)})
    # A worker that died of it says nothing of the size.
    return str(reply.done["refusal"]) if reply.done else ""


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _look_around(
    patterns: Sequence[str] | None,
    devices: Sequence[str],
    runtimes: Sequence[str],
    cuda: CudaOptions,
    workers: Handler,
) -> Mapping[str, Any]:
    """Ask a worker for targets (none where ``patterns`` is None), facts and GPUs.

    Raises ``OpbenchError`` for a runtime that is not installed.
    """
    request = {
        "job": "targets",
        "patterns": patterns if patterns is None else list(patterns),
        "devices": list(devices),
        "runtimes": list(dict.fromkeys(runtimes)),
        "cuda": cuda.to_json(),
    }
    found = done(workers.ask(request))
    for uuid in found["gpus"].values():
        # Held by this process, the driver stays loaded between those that use the GPU.
        open_gpu(uuid)
    return found
