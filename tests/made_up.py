"""A results folder with real counts and made-up timings, so that what is drawn can be said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opbench.record import USUAL, Failure, Record
from opbench.registry import counts_csv
from opbench.registry.counts_csv import NetworkRow
from opbench.timing.protocol import Protocol
from tests import builders

NAMES = (
    *("alexnet", "googlenet", "resnet18", "resnet50", "vgg16", "overfeat_fast", "squeezenet1_0"),
    *("lenet5", "resnet110_cifar", "caffenet128", "caffenet128_elu", "caffenet128_width_2x"),
)

# How many times faster than eager execution.
SPEEDS = {"onnxruntime": 2, "openvino": 4}
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
    runtimes: bool = False,
) -> Path:
    """``folder`` with counts of ``names`` and a run in which every pass takes what 100 GFLOP/s
    would; VGG-16 runs out of memory at the largest batch.

    With ``runtimes``, ONNX Runtime and OpenVINO take a half and a quarter of that at the smallest
    batch, with errors of a millionth and four, and OpenVINO does not take GoogLeNet.
    """
    rows = [row for row in counts_csv.load() if row.name in names]
    counts_csv.save(rows, folder / "counts.csv")
    rates = enumerate((180e9, 200e9, 150e9), 1)
    builders.write_run(
        folder,
        *(builders.ceilings(number, peak, idle_power_w=20.0) for number, peak in rates),
        *(_cell(row, batch, max(batches), energy) for row in rows for batch in batches),
        *(_in_runtime(row, each, batches[0]) for row in rows for each in SPEEDS if runtimes),
        first=HEADER,
    )
    return folder


def record(
    row: NetworkRow, batch: int, *, energy: bool = True, runtime: str = USUAL["runtime"]
) -> Record:
    """One measured cell of ``row``."""
    times = SPEEDS.get(runtime, 1)
    seconds = 2 * row.macs * batch / (times * GFLOPS_PER_S * 1e9)
    watts = {"energy_j": 50 * seconds, "power_w": 50.0, "idle_power_w": 20.0}
    return builders.record_of(
        row,
        batch,
        seconds,
        low_s=0.95 * seconds,
        traffic_bytes=row.weight_bytes + 12 * row.activations * batch,
        attained_flops_per_s=times * GFLOPS_PER_S * 1e9,
        fraction_of_peak=times * GFLOPS_PER_S / PEAK_GFLOPS_PER_S,
        bound_by="neither",
        peak_memory_bytes=2**20 * 64 + row.weight_bytes * 2,
        runtime=runtime,
        output_error=1e-6 * times if runtime in SPEEDS else 0.0,
        output_limit=1e-4,
        **(watts if energy else {}),
    )


def _in_runtime(row: NetworkRow, runtime: str, batch: int) -> Record | Failure:
    if (row.name, runtime) == ("googlenet", "openvino"):
        return builders.failure(
            row.name, "no such operator", runtime=runtime, batch_size=batch,
            input_size=row.input_size,
        )  # fmt: skip
    return record(row, batch, energy=False, runtime=runtime)


def _cell(row: NetworkRow, batch: int, largest: int, energy: bool) -> Record | Failure:
    if row.name == "vgg16" and batch == largest > 1:
        return builders.failure(row.name, batch_size=batch)
    return record(row, batch, energy=energy)
