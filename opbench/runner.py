"""A run: every cell of a plan counted and timed, one after the other, each on disk at once.

A cell is one target at one batch size.  A cell that fails is a row with its reason and the run
goes on; nothing that was measured is lost when it is interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from opbench import __version__
from opbench.counting import count
from opbench.environment import system_facts
from opbench.errors import BadValueError, OpbenchError, TargetError
from opbench.record import Failure, Measurement, Record
from opbench.spec import format_size
from opbench.store import FORMAT, RunWriter
from opbench.targets import Target
from opbench.timing.device import Device
from opbench.timing.measurement import evaluating, random_input, time_forward
from opbench.timing.protocol import Protocol
from opbench.timing.torch_facts import torch_facts
from opbench.timing.weights import build_cheaply

Row = Record | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One target at one batch size.  ``input_size`` None leaves it to the target's own inputs."""

    target: Target
    batch_size: int
    input_size: tuple[int, ...] | None

    @property
    def size_text(self) -> str:
        return format_size(self.input_size) if self.input_size else ""


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a run has come to."""

    planned: int
    records: list[Record] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def done(self) -> int:
        return len(self.records) + len(self.failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who wants to know: before a cell is measured, and after."""

    started: Callable[[Cell, int], None] = lambda cell, index: None
    finished: Callable[[Row], None] = lambda row: None


def make_plan(
    targets: Sequence[Target],
    batch_sizes: Sequence[int],
    input_size: tuple[int, ...] | None = None,
) -> tuple[Cell, ...]:
    """The product of the lists.  Raises ``BadValueError`` for a batch of none."""
    if bad := [size for size in batch_sizes if size < 1]:
        raise BadValueError(f"a batch of {bad[0]} images cannot be run: give 1 or more")
    return tuple(
        Cell(target=target, batch_size=size, input_size=input_size or target.input_size)
        for target, size in product(targets, dict.fromkeys(batch_sizes))
    )


def run_plan(
    plan: Sequence[Cell],
    device: Device,
    protocol: Protocol,
    writer: RunWriter,
    watcher: Watcher,
    summary: Summary,
) -> None:
    """Measure ``plan`` into ``writer`` and ``summary``.

    The file ends with a line that says how the run ended, unless the process was killed.
    """
    writer.write(_header(plan, device, protocol, writer))
    reason = "stopped by an error"
    try:
        for index, cell in enumerate(plan):
            watcher.started(cell, index)
            row = _measure_cell(cell, device, protocol)
            writer.write(row.to_json())
            (summary.records if isinstance(row, Record) else summary.failures).append(row)  # type: ignore[arg-type]
            watcher.finished(row)
        reason = "finished"
    except KeyboardInterrupt:
        reason = "interrupted"
        raise
    finally:
        writer.write(_end(reason, summary))


def _header(
    plan: Sequence[Cell], device: Device, protocol: Protocol, writer: RunWriter
) -> dict[str, Any]:
    return {
        "kind": "header",
        "format": FORMAT,
        "run": writer.path.stem,
        "opbench": __version__,
        "environment": system_facts() | torch_facts(),
        "protocol": asdict(protocol),
        "device": device.name,
        "plan": [
            {"name": cell.target.name, "input_size": cell.size_text, "batch_size": cell.batch_size}
            for cell in plan
        ],
    }


def _end(reason: str, summary: Summary) -> dict[str, Any]:
    return {
        "kind": "end",
        "reason": reason,
        "planned": summary.planned,
        "records": len(summary.records),
        "failures": len(summary.failures),
        "load_after": os.getloadavg()[0],
    }


def _measure_cell(cell: Cell, device: Device, protocol: Protocol) -> Row:
    try:
        return _record(cell, device, protocol)
    except OpbenchError as error:
        return _failure(cell, device, str(error))
    except Exception as error:  # noqa: BLE001  a network is foreign code and may raise anything
        return _failure(cell, device, _reason(error))
    finally:
        device.release()


def _record(cell: Cell, device: Device, protocol: Protocol) -> Record:
    module, inputs = _built(cell)
    counted = count(module, inputs)
    module = module.to(device.name)
    inputs = tuple(tensor.to(device.name) for tensor in inputs)
    with evaluating(module), torch.inference_mode():
        measurement = time_forward(module, inputs, device, protocol)
    return Record(
        name=cell.target.name,
        input_size=counted.input_size,
        batch_size=counted.batch_size,
        device=device.name,
        dtype=_dtype_name(inputs),
        params=counted.params,
        macs=counted.macs,
        activations=counted.activations,
        measurement=measurement,
    )


def _built(cell: Cell) -> tuple[nn.Module, tuple[Tensor, ...]]:
    target = cell.target
    if target.spec is None:
        module, inputs = target.build()
    else:
        # Only what the registry builds is known not to depend on the values drawn.
        module, inputs = build_cheaply(target.build, lambda built: built[0], seed=0)
    if cell.input_size is not None:
        inputs = (random_input(cell.input_size, batch_size=cell.batch_size),)
    if inputs is None:
        raise TargetError(
            f"the target {target.name!r} says nothing of its input: give --input-size 3x224x224"
        )
    return module, inputs


def _dtype_name(inputs: tuple[Tensor, ...]) -> str:
    return str(inputs[0].dtype).removeprefix("torch.")


def _failure(cell: Cell, device: Device, reason: str) -> Failure:
    return Failure(
        name=cell.target.name,
        input_size=cell.size_text,
        batch_size=cell.batch_size,
        device=device.name,
        dtype="float32",
        reason=reason,
    )


def _reason(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    text = f"{type(error).__name__}: {first}" if first else type(error).__name__
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in first:
        return f"out of memory: {text}"
    return text


def throughput(record: Record) -> float:
    """Images per second."""
    return record.batch_size / record.measurement.median_s


def fastest(measurement: Measurement) -> float:
    """The shortest sample, in seconds."""
    return min(measurement.samples_s)
