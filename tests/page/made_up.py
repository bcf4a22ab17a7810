"""A run of every ImageNet network with made-up times, and two networks with hostile names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opbench.registry import counts_csv

HOSTILE = ("<script>document.title='hit'</script>", "</script><img src=x onerror=alert(1)>")
RUN = "20260101T000000Z-7"
SLOW = "vgg19"
NOISY = "squeezenet1_1"


def seconds(macs: int, batch_size: int) -> float:
    """Made up: 100 GMAC per second and a tenth of a millisecond to begin with."""
    return 1e-4 + macs * batch_size / 1e11


def record(fact: Any, batch_size: int) -> dict[str, Any]:
    middle = seconds(fact.macs, batch_size)
    return {
        "kind": "record",
        "name": fact.name,
        "input_size": fact.input_size,
        "batch_size": batch_size,
        "device": "cpu",
        "dtype": "float32",
        "params": fact.params,
        "macs": fact.macs * batch_size,
        "activations": fact.activations * batch_size,
        "samples_s": [middle],
        "samples_per_round": [1],
        "median_s": middle,
        "low_s": 0.99 * middle,
        "high_s": 1.02 * middle,
        "peak_memory_bytes": fact.weight_bytes + batch_size * fact.peak_activation_bytes,
        "energy_j": None,
        "quality": "noisy" if fact.name == NOISY else "good",
    }


def failure(name: str, batch_size: int) -> dict[str, Any]:
    where = {"input_size": "3x224x224", "device": "cpu", "dtype": "float32"}
    return {"kind": "failure", "name": name, "batch_size": batch_size, "reason": "no room"} | where


def run_lines() -> Iterator[dict[str, Any]]:
    environment = {"cpu": "A processor of tomorrow", "torch": "2.13.0", "torch_threads": 2}
    yield {"kind": "header", "format": 1, "run": RUN, "environment": environment, "protocol": {}}
    facts = [fact for fact in counts_csv.load() if fact.dataset == "imagenet"]
    for fact in facts:
        yield record(fact, 1)
        yield failure(SLOW, 16) if fact.name == SLOW else record(fact, 16)
    for name in HOSTILE:
        alexnet = next(fact for fact in facts if fact.name == "alexnet")
        yield record(alexnet, 1) | {"name": name}
