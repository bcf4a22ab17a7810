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
# Networks of one command: each command starts processes, and is lost where the time ends in it.
_AT_ONCE = 20
# What a command and a cell are taken to cost at first.
_START_S, _CELL_S = 25.0, 5.0
_QUICK = ("--rounds", "3", "--max-seconds", "0.6")

Key = tuple[str, int, str, bool, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """What cells of one command share."""

    batch: int
    dtype: str = "float32"
    tf32: bool = False
    runtime: str = "eager"

    def __str__(self) -> str:
        return f"batch {self.batch}, {self.dtype}{' TF32' * self.tf32}, {self.runtime}"


SETTINGS = (
    *(Setting(batch) for batch in (1, 16, 64, 4, 32, 8, 2)),
    *(Setting(batch, "bfloat16") for batch in (16, 1, 64)),
    *(Setting(batch, tf32=True) for batch in (16, 1)),
    *(Setting(batch, runtime="compile") for batch in (1, 16)),
    *(Setting(batch, "bfloat16") for batch in (4, 32, 8, 2)),
    *(Setting(batch, tf32=True) for batch in (64, 4, 32, 8, 2)),
    *(Setting(batch, "bfloat16", runtime="compile") for batch in (16, 1, 64, 4, 32, 8, 2)),
    *(Setting(batch, runtime="compile") for batch in (64, 4, 32, 8, 2)),
    *(Setting(batch, tf32=True, runtime="compile") for batch in (16, 1, 64, 4, 32, 8, 2)),
)


def run(bed: Bed) -> Iterator[Finding]:
    """Measure setting after setting until the time is up."""
    end = time.monotonic() + bed.seconds - 5
    with tempfile.TemporaryDirectory() as before:
        command.unpack(bed.folder, Path(before))
        settled = _settled(Path(before))
    cell_s = _CELL_S
    for setting, names in _commands(bed, settled):
        fitting = int((end - time.monotonic() - _START_S) / cell_s)
        if fitting < 1:
            return
        taken = names[:fitting]
        finding, seconds = _measured(bed, setting, taken, end - time.monotonic())
        cell_s = max(1.0, (seconds - _START_S) / len(taken))
        yield finding


def _commands(bed: Bed, settled: set[Key]) -> Iterator[tuple[Setting, list[str]]]:
    for setting in SETTINGS[:1] if bed.dry else SETTINGS:
        key = (setting.batch, setting.dtype, setting.tf32, setting.runtime)
        names = [name for name in networks(bed) if (name, *key) not in settled]
        for start in range(0, len(names), _AT_ONCE):
            yield setting, names[start : start + _AT_ONCE]


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
    with tempfile.TemporaryDirectory() as results:
        said = command.opbench(
            "run", *names, "--device", bed.device, "--batch-size", str(setting.batch),
            "--dtype", setting.dtype, "--runtime", setting.runtime,
            *(["--tf32"] if setting.tf32 else []), *quick, "--results", results, "--json",
            seconds=seconds,
        )  # fmt: skip
        command.keep(bed.folder, Path(results))
        found = command.runs_in(Path(results))
    records = [record for each in found for record in each.of(Record)]
    failures = [failure for each in found for failure in each.of(Failure)]
    return _told(setting, said, (len(names), records, failures)), said.seconds


def _told(
    setting: Setting, said: command.Said, cells: tuple[int, list[Record], list[Failure]]
) -> Finding:
    planned, records, failures = cells
    reasons = [f"{each.cell.name}: {each.reason}" for each in failures]
    return Finding(
        what=f"{planned} networks at {setting}",
        expected="measured",
        seen=f"{len(records)} measured in {said.seconds:.0f} s"
        + "".join(f"; {each}" for each in reasons)[:500]
        + ("" if said.code in (0, 1) else f"; ended: {said.err.strip()[-200:]}"),
        holds=None if len(records) == planned else False,
        numbers={"cells": len(records), "seconds": said.seconds, "failures": reasons},
    )
