"""Cells of runs as they are reported: where they were timed, and which of several counts.

The rules, for everything that is drawn or claimed:

    pass      forward passes; a training step is another thing, for `opbench compare`
    machine   the GPU's name for a cell on a GPU, else the processor's
    runtime   with its mode, unless that is the default one
    variant   the other settings that are not the usual ones, in words; usual is a contiguous
              layout, as many threads as cores, and on a GPU no graph, a warm L2 cache and no TF32
    outputs   a cell whose outputs differ from eager float32 by more than its precision allows
              counts as one that failed
    latest    of cells with the same network, size, batch and conditions the one of an artefact
              that was evaluated, then the one in the latest run
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from opbench.errors import BadValueError
from opbench.record import USUAL, Cell, Failure, Record
from opbench.runs.lines import CeilingsLine, Header, RoundLine, Setting
from opbench.runs.store import RunFile
from opbench.spec import Shape
from opbench.value import Value
from opbench.zoo.libraries import library_of

_DEFAULT_MODE = " default"
_USUAL_ON_GPU = {"graph": False, "l2": "warm", "tf32": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The conditions of a timing: cells of equal conditions may be compared."""

    machine: str
    device: str
    dtype: str
    runtime: str = USUAL["runtime"]
    variant: str = ""

    def __str__(self) -> str:
        kind = self.device.partition(":")[0]
        where = kind if self.machine == self.device else f"{kind} ({self.machine})"
        usual = (USUAL["dtype"], USUAL["runtime"], "")
        settings = (self.dtype, self.runtime, self.variant)
        return ", ".join([where, *(each for each in settings if each not in usual)])

    @property
    def on_gpu(self) -> bool:
        """True for a CUDA device."""
        return self.device.startswith("cuda")


# The word of --device for every machine.
ALL = "all"


def is_of(machine: str, device: str, wanted: str) -> bool:
    """Return whether one of the words of ``--device`` names this machine, or its kind of device.

    They are separated by commas: a device (cpu, cuda, cuda:0), a part of a name, or "all".
    """
    words = [word.strip().lower() for word in wanted.split(",")]
    kind = device.partition(":")[0]
    return any(word in (ALL, device, kind) or word in machine.lower() for word in words if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCell:
    """One measured cell of a run.  Seconds, joules and bytes are of a pass of the whole batch.

    ``random_weights``: it was built without weights.
    """

    run: str
    conditions: Conditions
    record: Record
    random_weights: bool = False

    @property
    def artefact(self) -> str:
        """The hash of what was timed, "" where it is not known."""
        made = self.record.artefact
        return made.known if made else ""

    @property
    def weights_sha256(self) -> str:
        """The hash of the weights in float32, "" where it is not known."""
        made = self.record.artefact
        return made.weights_sha256 if made else ""

    @property
    def runtime(self) -> str:
        """The runtime, with its mode unless that is the default one."""
        return self.conditions.runtime

    @property
    def precision(self) -> str:
        """The precision in which it computed; in files of older versions the data type."""
        made = self.record.artefact
        return made.precision if made else self.record.cell.dtype

    @property
    def name(self) -> str:
        """The network's name."""
        return self.record.cell.name

    @property
    def batch_size(self) -> int:
        """Images per forward pass."""
        return self.record.cell.batch_size

    @property
    def input_size(self) -> Shape:
        """The size of one image."""
        return self.record.cell.input_size

    @property
    def latency_s(self) -> float:
        """The time that a caller waits for a forward pass, when the machine is left alone."""
        return self.record.measurement.latency_s

    @property
    def latency_per_image_s(self) -> float:
        """The latency per image."""
        return self.latency_s / self.batch_size

    @property
    def energy_j(self) -> float | None:
        """Joules per forward pass, None where not measured."""
        return self.record.measurement.energy_j

    @property
    def power_w(self) -> float | None:
        """Watts while it computes, the idle device included; None where not measured.

        Old lines of the CPU have energy alone.  A GPU's energy is of calls that wait for their
        launches and its time is of calls that do not: their quotient is no power.
        """
        measured = self.record.measurement.power_w
        if measured is None and self.energy_j is not None and not self.conditions.on_gpu:
            return self.energy_j / self.record.measurement.median_s
        return measured

    @property
    def peak_memory_bytes(self) -> int | None:
        """The peak of memory during a forward pass, None where not measured."""
        return self.record.measurement.peak_memory_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCell:
    """One cell of a run that could not be measured; ``differs``: or what was timed is another."""

    run: str
    conditions: Conditions
    failure: Failure
    differs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCeilings:
    """The ceilings of a device in one round of a run."""

    run: str
    conditions: Conditions
    line: CeilingsLine


def read_timed(runs: Iterable[RunFile]) -> Iterator[TimedCell]:
    """Yield every measured cell whose outputs are those of its network, those of the oldest run
    first.
    """
    for run in runs:
        for record in filter(_is_forward, run.of(Record)):
            if not record.differs:
                yield TimedCell(
                    run=run.name,
                    conditions=conditions(record.cell, run.header),
                    record=record,
                    random_weights=_is_random(record.cell.name, run.header),
                )


def _is_random(name: str, header: Header) -> bool:
    """Return whether a network was timed with random weights, as what is built in always is."""
    return not header.weights and (":" not in name or library_of(name) is not None)


def latest(cells: Iterable[TimedCell], evaluated: Collection[str] = ()) -> tuple[TimedCell, ...]:
    """Return the one that counts of every measured cell; ``cells`` are given oldest first.

    ``evaluated`` are the artefacts whose accuracy was measured.
    """
    measured: dict[Any, TimedCell] = {}
    for timed in cells:
        key = timed.conditions, timed.input_size, *_of(timed.record.cell)
        before = measured.get(key)
        if not before or timed.artefact in evaluated or before.artefact not in evaluated:
            measured[key] = timed
    return tuple(measured.values())


def read_failed(runs: Sequence[RunFile], measured: Iterable[TimedCell]) -> tuple[FailedCell, ...]:
    """Return the latest of every cell that is not among the ``measured``."""
    failed: dict[Any, FailedCell] = {}
    for run in runs:
        for record in filter(_is_forward, run.of(Record)):
            if record.differs:
                where = conditions(record.cell, run.header)
                failed[(where, *_of(record.cell))] = _differing(run.name, where, record)
        for failure in filter(_is_forward, run.of(Failure)):
            where = conditions(failure.cell, run.header)
            failed[(where, *_of(failure.cell))] = FailedCell(
                run=run.name, conditions=where, failure=failure
            )
    if not failed:  # as of a million cells
        return ()
    known = {(each.conditions, *_of(each.record.cell)) for each in measured}
    return tuple(cell for key, cell in failed.items() if key not in known)


def _differing(run: str, where: Conditions, record: Record) -> FailedCell:
    """Return a cell that was timed, of something else than the network."""
    failure = Failure(cell=record.cell, reason=record.differs)
    return FailedCell(run=run, conditions=where, failure=failure, differs=True)


def differing_note(runs: Iterable[RunFile]) -> Iterator[str]:
    """Yield a sentence on cells whose outputs are not those of their network."""
    cells = [line.cell for run in runs for line in run.of(Record) if line.differs]
    if cells:
        others = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
        yield (
            f"{cells[0].name} in {cells[0].execution}{others} not shown: the outputs differ from "
            "those of eager float32 by more than the precision allows"
        )


def _is_forward(line: Record | Failure) -> bool:
    return not line.cell.training


def training_note(runs: Iterable[RunFile]) -> Iterator[str]:
    """Yield a sentence on the training steps in ``runs``, of which tables and figures have none."""
    steps = {line.cell for run in runs for line in run.of(Record) if line.cell.training}
    if steps:
        yield (
            f"of --pass training, {len(steps)} measured cell{'s' * (len(steps) > 1)} not shown: "
            "figures and tables are of forward passes; `opbench compare` reads both"
        )


def on_device(run: RunFile, wanted: str) -> RunFile:
    """Return a run with the cells of one device alone.  Raises ``BadValueError`` without any."""

    def named(line: Value) -> bool:
        if not isinstance(line, Record | Failure | RoundLine):
            return True
        where = conditions(line.cell, run.header)
        return is_of(where.machine, where.device, wanted)

    lines = tuple(filter(named, run.lines))
    if not any(isinstance(line, Record | Failure) for line in lines):
        there = {conditions(line.cell, run.header).machine for line in run.of(Record)}
        has = f"; it has {', '.join(sorted(there))}" if there else ""
        raise BadValueError(f"--device {wanted}: {run.path} has no cell there{has}")
    return replace(run, lines=lines)


def read_ceilings(runs: Iterable[RunFile]) -> tuple[DeviceCeilings, ...]:
    """Return the ceilings of every device in every round of ``runs``."""
    return tuple(
        DeviceCeilings(run=run.name, conditions=conditions(line.setting, run.header), line=line)
        for run in runs
        for line in run.of(CeilingsLine)
    )


def conditions(what: Cell | Setting, header: Header) -> Conditions:
    """Return the conditions of a cell, or of a device, in the run of ``header``."""
    on_gpu = what.device.startswith("cuda")
    machine = header.environment.get("gpu" if on_gpu else "cpu")
    unusual = [*_layout(what), *(_gpu_options(header) if on_gpu else _threads(what, header))]
    named = machine if isinstance(machine, str) and machine else what.device
    return _shared(named, what.device, what.dtype, _runtime(what), ", ".join(unusual))


@lru_cache(maxsize=1024)
def _shared(machine: str, device: str, dtype: str, runtime: str, variant: str) -> Conditions:
    """Return one object for equal conditions: there are few, of many cells."""
    return Conditions(machine=machine, device=device, dtype=dtype, runtime=runtime, variant=variant)


def _of(cell: Cell) -> tuple[str, int]:
    return cell.name, cell.batch_size


def _runtime(what: Cell | Setting) -> str:
    """Return the runtime of a cell; a device by itself is as PyTorch finds it."""
    execution = what.execution if isinstance(what, Cell) else USUAL["runtime"]
    return execution.removesuffix(_DEFAULT_MODE)


def _layout(what: Cell | Setting) -> Iterator[str]:
    if isinstance(what, Cell):
        yield from _odd(what, {"memory_format": USUAL["memory_format"]})
        yield from filter(None, [what.inputs])


def _gpu_options(header: Header) -> Iterator[str]:
    yield from _odd(header.cuda, _USUAL_ON_GPU)


def _threads(what: Cell | Setting, header: Header) -> Iterator[str]:
    alone = header.environment.get("torch_threads")
    threads = what.threads or alone
    if isinstance(threads, int) and threads != (header.environment.get("cores") or alone):
        yield f"{threads} thread{'s' * (threads > 1)}"


def _odd(settings: Value, usual: Mapping[str, Any]) -> Iterator[str]:
    for key, value in usual.items():
        given = getattr(settings, key)
        if given != value:
            yield key if given is True else f"{key} {given}"
