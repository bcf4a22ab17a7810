"""A results folder with real counts and made-up timings, so that what is drawn can be said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opbench.record import Failure, Record
from opbench.registry import counts_csv
from opbench.registry.counts_csv import NetworkRow
from opbench.timing.protocol import Protocol
from tests import builders

NAMES = (
    *("alexnet", "googlenet", "resnet18", "resnet50", "vgg16", "overfeat_fast", "squeezenet1_0"),
    *("lenet5", "resnet110_cifar", "caffenet128", "caffenet128_elu", "caffenet128_width_2x"),
)

GFLOPS_PER_S, PEAK_GFLOPS_PER_S = 100.0, 200.0
HEADER = builders.header(
    run="made-up",
    started="2026-11-22T20:15:00Z",
    protocol=Protocol(precision=0.01, max_seconds=2.0, rounds=3),
)


def write_results(
    folder: Path,
    *,
    batches: Sequence[int] = (1, 4, 16),
    names: Sequence[str] = NAMES,
    energy: bool = True,
) -> Path:
    """``folder`` with counts of ``names`` and a run in which every pass takes what 100 GFLOP/s
    would; VGG-16 runs out of memory at the largest batch."""
    rows = [row for row in counts_csv.load() if row.name in names]
    counts_csv.save(rows, folder / "counts.csv")
    rates = enumerate((180e9, 200e9, 250e9), 1)
    builders.write_run(
        folder,
        *(builders.ceilings(number, peak, idle_power_w=20.0) for number, peak in rates),
        *(_cell(row, batch, max(batches), energy) for row in rows for batch in batches),
        first=HEADER,
    )
    return folder


def record(row: NetworkRow, batch: int, *, energy: bool = True) -> Record:
    """One measured cell of ``row``."""
    seconds = 2 * row.macs * batch / (GFLOPS_PER_S * 1e9)
    watts = {"energy_j": 50 * seconds, "power_w": 50.0, "idle_power_w": 20.0}
    return builders.record_of(
        row,
        batch,
        seconds,
        low_s=0.95 * seconds,
        traffic_bytes=row.weight_bytes + 12 * row.activations * batch,
        attained_flops_per_s=GFLOPS_PER_S * 1e9,
        fraction_of_peak=GFLOPS_PER_S / PEAK_GFLOPS_PER_S,
        bound_by="neither",
        peak_memory_bytes=2**20 * 64 + row.weight_bytes * 2,
        **(watts if energy else {}),
    )


def _cell(row: NetworkRow, batch: int, largest: int, energy: bool) -> Record | Failure:
    if row.name == "vgg16" and batch == largest > 1:
        return builders.failure(row.name, batch_size=batch)
    return record(row, batch, energy=energy)
