"""Lines of a run file: one JSON object each, told apart by ``kind``, which ``RUN`` lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from opbench.line_files import LineFormat
from opbench.record import Artefact, Ceilings, Cell, Failure, Load, Record, Round
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from opbench.value import AtLeastOne, Natural, Nested, NonNegative, Text, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(Value):
    """The first line: what is measured, where and how.

    ``environment`` are facts of the machine and its software by name; ``stages``: those of the
    targets' images were timed, too.  ``weights``: the file that was loaded, "pretrained" for the
    libraries' own, "" where networks are as built.  ``data``: the images that int8 is calibrated
    on.  ``plan`` are the cells of this file; where it is a ``shard``, such as "2/8", files with the
    same ``plan_id`` are parts of one plan of ``planned`` cells.
    """

    BULK: ClassVar = ("plan",)

    format: int
    opbench: str = ""
    started: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    protocol: Nested[Protocol] = field(default_factory=Protocol)
    cuda: Nested[CudaOptions] = field(default_factory=CudaOptions)
    own_inputs: bool = True
    stages: bool = False
    data: str = ""
    weights: str = ""
    plan: tuple[Cell, ...] = ()
    run: str = ""
    shard: str = ""
    plan_id: str = ""
    planned: Natural = 0


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
    """One cell in one round; the first one has the artefact."""

    cell: Cell
    load: Load
    round: Round
    artefact: Artefact | None = None


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


RUN = LineFormat(
    what="run",
    folder="runs",
    version=1,
    header=Header,
    kinds={
        "header": Header,
        "resumed": Resumed,
        "ceilings": CeilingsLine,
        "warning": Warned,
        "round": RoundLine,
        "record": Record,
        "failure": Failure,
        "end": End,
    },
    bulk=("round",),
)
