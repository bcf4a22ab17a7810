"""Lines of a comparison's file, ``results/comparisons/RUN.jsonl``, and reading them again.

One JSON object each, told apart by ``kind``: a header; for each comparison its two sides and then
its pairs of processes with all samples, or why a side failed; and how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from opbench.line_files import LineFile, LineFormat
from opbench.record import Artefact, Cell
from opbench.runs.lines import End
from opbench.settings import Threshold
from opbench.timing.settings import CudaOptions
from opbench.value import AtLeastOne, Natural, Nested, NonNegative, Positive, Seconds, Value

SideName = Literal["base", "new"]
SIDES: tuple[SideName, SideName] = ("base", "new")
Metric = Literal["latency_s", "device_s"]
Blocks = tuple[Annotated[tuple[Seconds, ...], Meta(min_length=1)], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonHeader(Value):
    """The first line: how and where it was measured.

    ``variables``: those of the environment that the processes were started with, beside ours;
    ``metric``: seconds that a caller waits, or on CUDA the GPU's with launches hidden;
    ``max_seconds`` for each comparison; ``data``: the images that int8 is calibrated on.
    """

    format: int
    opbench: str = ""
    started: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    cuda: Nested[CudaOptions] = field(default_factory=CudaOptions)
    metric: Metric = "latency_s"
    max_seconds: Positive = 30.0
    seed: Natural = 0
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSide(Value):
    """One side: a cell, with the files as they were in ``commit`` where that is not empty.

    ``commit`` is as it was named, such as "origin/main", and ``commit_hash`` what it meant.
    """

    cell: Nested[Cell]
    commit: str = ""
    commit_hash: str = ""

    def __str__(self) -> str:
        return f"{self.cell}{f' at {self.commit}' if self.commit else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSides(Value):
    """One comparison: its number, both sides, and the difference that does not matter."""

    comparison: AtLeastOne
    base: Nested[ComparedSide]
    new: Nested[ComparedSide]
    threshold: NonNegative
    threshold_s: NonNegative = 0.0

    @property
    def alike(self) -> bool:
        """Return whether processor seconds tell of the latency: on the CPU, in the same way."""
        one, other = ((each.cell.device, each.cell.execution) for each in (self.base, self.new))
        return one == other and one[0] == "cpu"

    @property
    def limit(self) -> Threshold:
        """The difference that does not matter."""
        return Threshold(relative=self.threshold, seconds=self.threshold_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLine(Value):
    """A pair of processes, one of each side, that took turns.

    order: whose turn it was, such as "bnnb".
    base_s, new_s: the samples of each turn, in seconds per forward pass of the whole batch.
    base_calls, new_calls: calls averaged in one sample.
    base_first_call_s, new_first_call_s: the first forward pass, which compiles and allocates.
    started: the side whose process was started first.
    base_processor_s, new_processor_s: processor seconds of the calling thread per forward pass, in
        each turn; none where they say nothing of the latency (on a GPU, of unlike runtimes).
    running: the part of the time for which threads that wanted a core had one; None as above.
    others_cores, stolen_cores: processor cores kept busy meanwhile by other programs and by other
        guests of the machine; None where they cannot be read.
    base_start_up_s, new_start_up_s: from the start of the process to the first call, which of the
        first pair includes a conversion and of others only loads what was made; None in old files.
    base_memory_bytes, new_memory_bytes: the growth of peak memory by the network and its first
        pass, weights included; of a runtime that converts only what was made of the network is
        loaded, and not PyTorch's; None where it cannot be read or something is converted in it.
    """

    comparison: AtLeastOne
    number: AtLeastOne
    started: SideName
    order: Annotated[str, Meta(pattern="^[bn]*$")]
    base_s: Blocks
    new_s: Blocks
    base_calls: AtLeastOne = 1
    new_calls: AtLeastOne = 1
    base_first_call_s: NonNegative = 0.0
    new_first_call_s: NonNegative = 0.0
    base_processor_s: tuple[Seconds, ...] = ()
    new_processor_s: tuple[Seconds, ...] = ()
    running: Annotated[float, Meta(ge=0, le=1)] | None = None
    others_cores: float | None = None
    stolen_cores: float | None = None
    base_start_up_s: NonNegative | None = None
    new_start_up_s: NonNegative | None = None
    base_memory_bytes: Natural | None = None
    new_memory_bytes: Natural | None = None

    def __post_init__(self) -> None:
        for letter, blocks in (("b", self.base_s), ("n", self.new_s)):
            if self.order.count(letter) != len(blocks):
                raise ValueError(
                    f"order has {self.order.count(letter)} turns {letter!r}, whose samples are "
                    f"those of {len(blocks)}"
                )
        if self.running is not None and (
            (len(self.base_processor_s), len(self.new_processor_s))
            != (len(self.base_s), len(self.new_s))
        ):
            raise ValueError("running needs processor seconds of every turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideArtefact(Value):
    """The artefact of a side, with the error of its outputs."""

    comparison: AtLeastOne
    side: SideName
    artefact: Artefact


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFailure(Value):
    """A side that could not be built or run, with the reason."""

    comparison: AtLeastOne
    side: SideName
    reason: str
    absent: bool = False


COMPARISON = LineFormat(
    what="comparison",
    folder="comparisons",
    version=1,
    header=ComparisonHeader,
    kinds={
        "comparison": ComparisonHeader,
        "sides": ComparedSides,
        "artefact": SideArtefact,
        "pair": PairLine,
        "failure": SideFailure,
        "end": End,
    },
    go_on="compare again",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One comparison as far as it was measured; ``artefacts`` by side, where they are known."""

    sides: ComparedSides
    pairs: tuple[PairLine, ...] = ()
    failure: SideFailure | None = None
    artefacts: Mapping[SideName, Artefact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFile(LineFile[ComparisonHeader]):
    """A comparison's file as read."""

    @property
    def finished(self) -> bool:
        """True when all comparisons came to their end."""
        return any(line.reason == "finished" for line in self.of(End))

    @property
    def compared(self) -> list[Compared]:
        """The comparisons, in order."""
        return [
            Compared(
                sides=sides,
                pairs=tuple(self._pairs(sides)),
                failure=self._failure(sides),
                artefacts=self._artefacts(sides),
            )
            for sides in self.of(ComparedSides)
        ]

    def _pairs(self, sides: ComparedSides) -> list[PairLine]:
        return [pair for pair in self.of(PairLine) if pair.comparison == sides.comparison]

    def _artefacts(self, sides: ComparedSides) -> dict[SideName, Artefact]:
        lines = self.of(SideArtefact)
        return {each.side: each.artefact for each in lines if each.comparison == sides.comparison}

    def _failure(self, sides: ComparedSides) -> SideFailure | None:
        failures = self.of(SideFailure)
        return next((line for line in failures if line.comparison == sides.comparison), None)


def find_comparison(results: Path, name: str) -> Path | None:
    """Return the comparison\'s file called ``name``: a name below ``results``, or a path."""
    return COMPARISON.find(results, name)


def read_comparison(path: Path) -> ComparisonFile:
    """Read one file.  Raises ``BadFileError`` when it is missing or its header is damaged."""
    return ComparisonFile.read(path, COMPARISON)
