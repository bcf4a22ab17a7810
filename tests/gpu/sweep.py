"""The ImageNet networks of the registry over batch sizes, precisions and runtimes, the most
valuable first, as many as the time allows; what was measured before is not measured again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opbench.record import Cell, Failure, Record
from opbench.registry.entries import specs
from opbench.runs.store import RunFile
from tests.gpu import command
from tests.gpu.bed import SMALLEST, Bed
from tests.gpu.outcome import Finding

# Those of the paper first, then one of each other family.
FIRST = (
    "alexnet", "resnet50", "vgg16", "googlenet", "resnet18", "inception_v3", "resnet101",
    "enet_classifier", "bn_nin", "bn_alexnet", "vgg19", "resnet34", "resnet152", "inception_v4",
    "squeezenet1_1", "xception", "inception_resnet_v2", "bn_inception", "nin", "overfeat_fast",
)  # fmt: skip
# Cells of one command: each command starts processes, and is lost where the time ends in it.
_AT_ONCE = 20
# What a command and a cell are taken to cost at first.
_START_S, _CELL_S = 15.0, 4.0
# Cells within 2 % are rated good; rounds beyond the third would go to the others.
_QUICK = ("--rounds", "3", "--max-seconds", "0.6", "--precision", "2%")
_FEW = 8

Key = tuple[str, int, str, bool, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """What cells of one command share, and of how many networks, 0 for all."""

    batches: tuple[int, ...]
    dtype: str = "float32"
    tf32: bool = False
    runtime: str = "eager"
    most: int = 0

    def keys(self, name: str) -> set[Key]:
        """Return the cells of a network."""
        return {(name, batch, self.dtype, self.tf32, self.runtime) for batch in self.batches}

    @property
    def cost(self) -> float:
        """The cost of a network, in cells of one image: batches of 64 take twice as long."""
        return sum(1 + batch / 64 for batch in self.batches)

    def __str__(self) -> str:
        batches = ", ".join(map(str, self.batches))
        return f"batch {batches}, {self.dtype}{' TF32' * self.tf32}, {self.runtime}"


_ALL = (1, 2, 4, 8, 16, 32, 64)
# Every network as it is used most; a few over batch sizes, for the figures of those; then the rest.
SETTINGS = (
    Setting((1,)),
    Setting((16, 64, 4), most=_FEW),
    Setting((32, 8, 2), most=_FEW),
    Setting((1, 16, 64), "bfloat16", most=_FEW),
    Setting((16,)),
    Setting((1, 16), tf32=True, most=_FEW),
    Setting((1, 16), runtime="compile", most=_FEW),
    Setting(_ALL),
    Setting(_ALL, "bfloat16"),
    Setting(_ALL, tf32=True),
    Setting(_ALL, "bfloat16", runtime="compile"),
    Setting(_ALL, runtime="compile"),
    Setting(_ALL, tf32=True, runtime="compile"),
)


def run(bed: Bed) -> Iterator[Finding]:
    """Measure setting after setting until the time is up."""
    end = time.monotonic() + bed.seconds - 5
    with tempfile.TemporaryDirectory() as before:
        command.unpack(bed.folder, Path(before))
        settled = _settled(Path(before))
    cell_s = _CELL_S
    for setting, names in _commands(bed, settled):
        fitting = int((end - time.monotonic() - _START_S) / (cell_s * setting.cost))
        if fitting < 1:
            return
        taken = names[:fitting]
        finding, seconds = _measured(bed, setting, taken, end - time.monotonic())
        cell_s = max(1.0, (seconds - _START_S) / (len(taken) * setting.cost))
        yield finding


def _commands(bed: Bed, settled: set[Key]) -> Iterator[tuple[Setting, list[str]]]:
    """Yield settings and networks, without those of which every cell was measured or planned."""
    for setting in SETTINGS[:1] if bed.dry else SETTINGS:
        some = networks(bed)[: setting.most or None]
        names = [name for name in some if not setting.keys(name) <= settled]
        settled = settled.union(*map(setting.keys, names))
        together = max(1, _AT_ONCE // len(setting.batches))
        for start in range(0, len(names), together):
            yield setting, names[start : start + together]


def networks(bed: Bed) -> list[str]:
    """Return the ImageNet networks of the registry, those of the paper first."""
    if bed.dry:
        return [SMALLEST]
    names = [each.name for each in specs().values() if each.dataset == "imagenet"]
    return [*FIRST, *(name for name in names if name not in FIRST)]


def _settled(results: Path) -> set[Key]:
    return {
        (cell.name, cell.batch_size, cell.dtype, run.header.cuda.tf32, cell.runtime)
        for run in command.runs_in(results)
        for cell in _cells(run)
    }


def _cells(run: RunFile) -> list[Cell]:
    return [*(each.cell for each in run.of(Record)), *(each.cell for each in run.of(Failure))]


def _measured(
    bed: Bed, setting: Setting, names: list[str], seconds: float
) -> tuple[Finding, float]:
    quick = ("--rounds", "3", "--max-seconds", "0.05") if bed.dry else _QUICK
    batches = ",".join(map(str, setting.batches))
    with tempfile.TemporaryDirectory() as results:
        said = command.opbench(
            "run", *names, "--device", bed.device, "--batch-size", batches,
            "--dtype", setting.dtype, "--runtime", setting.runtime,
            *(["--tf32"] if setting.tf32 else []), *quick, "--results", results, "--json",
            seconds=seconds,
        )  # fmt: skip
        command.keep(bed.folder, Path(results))
        found = command.runs_in(Path(results))
    records = [record for each in found for record in each.of(Record)]
    failures = [failure for each in found for failure in each.of(Failure)]
    planned = len(names) * len(setting.batches)
    return _told(setting, said, (planned, records, failures)), said.seconds


def _told(
    setting: Setting, said: command.Said, cells: tuple[int, list[Record], list[Failure]]
) -> Finding:
    planned, records, failures = cells
    reasons = [f"{each.cell.name}: {each.reason}" for each in failures]
    return Finding(
        what=f"{planned} cells at {setting}",
        expected="measured",
        seen=f"{len(records)} measured in {said.seconds:.0f} s"
        + "".join(f"; {each}" for each in reasons)[:500]
        + ("" if said.code in (0, 1) else f"; ended: {said.err.strip()[-200:]}"),
        holds=None if len(records) == planned else False,
        numbers={"cells": len(records), "seconds": said.seconds, "failures": reasons},
    )
