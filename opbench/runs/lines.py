"""Lines of a run file: one JSON object each, told apart by ``kind``, which ``KINDS`` lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from opbench.record import Ceilings, Cell, Failure, Load, Record, Round
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from opbench.value import AtLeastOne, Natural, Nested, NonNegative, Text, Value

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(Value):
    """The first line: what is measured, where and how.

    ``environment`` are facts of the machine and its software by name.
    """

    format: int
    opbench: str = ""
    started: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    protocol: Nested[Protocol] = field(default_factory=Protocol)
    cuda: Nested[CudaOptions] = field(default_factory=CudaOptions)
    own_inputs: bool = True
    plan: tuple[Cell, ...] = ()
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Value):
    """The run was continued, in ``environment``."""

    at: str
    environment: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Value):
    """The device, data type and threads that cells share."""

    device: Text
    dtype: Text
    threads: AtLeastOne | None

    @classmethod
    def of(cls, cell: Cell) -> Setting:
        """Return the setting of ``cell``."""
        return cls(device=cell.device, dtype=cell.dtype, threads=cell.threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingsLine(Value):
    """The ceilings of a device in one round, and the power it draws when idle.

    ``start_up_s``: from the start of the process until the device was ready.  ``idle_power_w`` of a
    GPU is that with a CUDA context, which all that computes there has, and
    ``idle_power_no_context_w`` that before any; both are measured once, as it takes seconds.
    """

    number: Natural
    setting: Setting
    ceilings: Ceilings
    idle_power_w: float | None = None
    idle_power_no_context_w: float | None = None
    start_up_s: NonNegative | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Value):
    """The ceilings of a device could not be measured."""

    number: Natural
    setting: Setting
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundLine(Value):
    """One cell in one round."""

    cell: Cell
    load: Load
    round: Round


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Value):
    """The end of a run: "finished", "interrupted" or "stopped by an error"."""

    reason: str
    planned: Natural = 0
    records: Natural = 0
    failures: Natural = 0
    wall_s: NonNegative = 0.0
    forward_s: NonNegative = 0.0
    load_after: NonNegative | None = None


KINDS: Mapping[str, type[Value]] = {
    "header": Header,
    "resumed": Resumed,
    "ceilings": CeilingsLine,
    "warning": Warned,
    "round": RoundLine,
    "record": Record,
    "failure": Failure,
    "end": End,
}


def line_json(line: Value, kinds: Mapping[str, type[Value]] = KINDS) -> dict[str, Any]:
    """Return the JSON object of a line, its kind first."""
    kind = next(kind for kind, each in kinds.items() if each is type(line))
    return {"kind": kind, **line.to_json()}


def encode(line: Value, kinds: Mapping[str, type[Value]] = KINDS) -> bytes:
    """Return the bytes of a line, without its end.  Raises ``ValueError`` for NaN and infinity."""
    return json.dumps(line_json(line, kinds), separators=(",", ":"), allow_nan=False).encode()


def decode(raw: bytes, kinds: Mapping[str, type[Value]] = KINDS) -> Value:
    """Read one line.  Raises ``ValueError`` naming the field that is missing or damaged."""
    try:
        row = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a complete JSON object ({error})") from None
    kind = row.get("kind") if isinstance(row, dict) else None
    if not isinstance(kind, str):
        raise ValueError(f"not an object whose kind is one of {', '.join(kinds)}")
    if kind not in kinds:
        raise ValueError(f"unknown kind {kind!r}: damaged, or written by a newer opbench")
    try:
        return kinds[kind].from_json(row)
    except ValueError as error:
        raise ValueError(f"damaged {kind}: {error}") from None
