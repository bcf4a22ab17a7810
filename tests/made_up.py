"""A results folder with real counts and made-up timings, so that what is drawn can be said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opbench.registry import counts_csv

NAMES = (
    *("alexnet", "googlenet", "resnet18", "resnet50", "vgg16", "overfeat_fast", "squeezenet1_0"),
    *("lenet5", "resnet110_cifar", "caffenet128", "caffenet128_elu", "caffenet128_width_2x"),
)

GFLOPS_PER_S = 100.0


def write_results(
    folder: Path,
    *,
    batches: Sequence[int] = (1, 4, 16),
    names: Sequence[str] = NAMES,
    energy: bool = True,
) -> Path:
    """``folder`` with counts of ``names`` and a run in which every pass takes what 100 GFLOP/s
    would; VGG-16 runs out of memory at the largest batch."""
    facts = [fact for fact in counts_csv.load() if fact.name in names]
    counts_csv.save(facts, folder / "counts.csv")
    lines: list[dict[str, Any]] = [
        {
            "kind": "header",
            "format": 1,
            "run": "made-up",
            "started": "2026-11-22T20:15:00Z",
            "environment": {"cpu": "A processor", "torch": "2.13.0", "torch_threads": 2},
            "protocol": {"precision": 0.01, "max_seconds": 2.0, "rounds": 3},
        },
        *(ceiling(number, peak) for number, peak in enumerate((180e9, 200e9, 250e9), 1)),
    ]
    for fact in facts:
        for batch in batches:
            lost = fact.name == "vgg16" and batch == max(batches) > 1
            lines.append(failure(fact.name, batch) if lost else record(fact, batch, energy=energy))
    path = folder / "runs" / "made-up.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def record(fact: Any, batch: int, *, energy: bool = True) -> dict[str, Any]:
    """One measured cell of ``fact``."""
    seconds = 2 * fact.macs * batch / (GFLOPS_PER_S * 1e9)
    return {
        "kind": "record",
        "name": fact.name,
        "input_size": fact.input_size,
        "batch_size": batch,
        "device": "cpu",
        "dtype": "float32",
        "params": fact.params,
        "macs": fact.macs * batch,
        "activations": fact.activations * batch,
        "samples_s": [seconds],
        "samples_per_round": [1],
        "median_s": seconds,
        "low_s": 0.95 * seconds,
        "high_s": 1.1 * seconds,
        "weight_bytes": fact.weight_bytes,
        "traffic_bytes": fact.weight_bytes + 12 * fact.activations * batch,
        "peak_memory_bytes": 2**20 * 64 + fact.weight_bytes * 2,
        "energy_j": 50 * seconds if energy else None,
        "power_w": 50.0 if energy else None,
        "idle_power_w": 20.0 if energy else None,
        "quality": "good",
    }


def ceiling(number: int, peak: float) -> dict[str, Any]:
    """What one round saw the machine reach."""
    return {
        "kind": "ceilings",
        "number": number,
        "device": "cpu",
        "dtype": "float32",
        "threads": None,
        "peak_flops_per_s": peak,
        "bandwidth_bytes_per_s": 10e9,
        "launch_s": 1e-6,
        "idle_power_w": 20.0,
    }


def failure(name: str, batch: int) -> dict[str, Any]:
    """One cell that could not be measured."""
    return {
        "kind": "failure",
        "name": name,
        "input_size": "3x224x224",
        "batch_size": batch,
        "device": "cpu",
        "dtype": "float32",
        "reason": "out of memory",
    }
