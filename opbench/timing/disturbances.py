"""Find what will disturb timings on this machine, from its facts and by watching it.

Each finding says what was seen and what to do.  None of them keeps a run from starting: it will
have wide intervals and say so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opbench.intervals import median, quantile
from opbench.timing.bystanders import watch_bystanders

Environment = Mapping[str, Any]

_BUSY_CORES = 0.1
_JITTER = 0.05
_LITTLE_MEMORY = 2 << 30
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One disturbance: what was ``seen``, and the ``advice``."""

    seen: str
    advice: str


def findings(facts: Environment) -> list[Disturbance]:
    """Find disturbances in the facts of the machine."""
    return [found for look in _LOOKS for found in look(facts)]


def watch(cores: int, seconds: float = 1.0) -> list[Disturbance]:
    """Find disturbances by watching the machine for ``seconds`` while this process does nothing,
    and while it does the same thing again and again."""
    bystanders = watch_bystanders()
    time.sleep(seconds)
    others, stolen = bystanders()
    return [*_busy(others, stolen, cores), *_uneven(repeated(_TRIES))]


def repeated(tries: int, now: Callable[[], float] = time.perf_counter) -> list[float]:
    """Time the same small work repeatedly."""
    taken = []
    for _ in range(tries):
        start = now()
        sum(range(20_000))
        taken.append(now() - start)
    return taken


def _busy(others: float | None, stolen: float | None, cores: int) -> Iterator[Disturbance]:
    if (others or 0) > _BUSY_CORES:
        yield Disturbance(f"other programs keep {others:.1f} of {cores} cores busy", "close them")
    if (stolen or 0) > _BUSY_CORES:
        yield Disturbance(
            f"other virtual machines take {stolen:.1f} of {cores} cores", "use a quieter machine"
        )


def _uneven(taken: Sequence[float]) -> Iterator[Disturbance]:
    spread = quantile(taken, 0.95) / median(taken) - 1
    if spread > _JITTER:
        yield Disturbance(
            f"1 in 20 repetitions of the same work takes {spread:.0%} longer or more",
            "fix the processor's clock and close other programs",
        )


def _power(facts: Environment) -> Iterator[Disturbance]:
    if facts.get("on_battery"):
        yield Disturbance("the machine runs on battery", "plug it in")
    governor = facts.get("governor")
    if governor not in (None, "performance"):
        yield Disturbance(
            f"the processor's governor is {governor!r}",
            "set it to performance (`cpupower frequency-set -g performance`)",
        )
    if facts.get("boost") == 1 or facts.get("no_turbo") == 0:
        yield Disturbance("the clock rises above its base when it is cool", "switch turbo off")


def _cores(facts: Environment) -> Iterator[Disturbance]:
    logical = facts.get("logical_cores") or 1
    load = facts.get("load_before") or 0.0
    if load > 0.25 * logical:
        yield Disturbance(f"the load is {load:.1f} on {logical} cores", "close other programs")
    if len(facts.get("affinity", range(logical))) < logical:
        yield Disturbance(
            f"only {len(facts['affinity'])} of {logical} cores may be used",
            "compare only with runs on the same cores",
        )
    limit = facts.get("container_cores")
    if limit is not None and limit < logical:
        yield Disturbance(
            f"the container may use {limit:g} of {logical} cores and is stopped when it uses more",
            "give --threads no more than that, or lift the limit",
        )
    threads = facts.get("torch_threads")
    if threads is not None and threads > len(facts.get("affinity", range(logical))):
        yield Disturbance(f"PyTorch has {threads} threads on fewer cores", "set OMP_NUM_THREADS")


def _surroundings(facts: Environment) -> Iterator[Disturbance]:
    if facts.get("virtual_machine"):
        yield Disturbance("this is a virtual machine", "others may slow it; repeat the run later")
    available = facts.get("memory_available_bytes")
    if available is not None and available < _LITTLE_MEMORY:
        yield Disturbance(f"{available / 2**30:.1f} GiB of memory are free", "free some")


def _gpu(facts: Environment) -> Iterator[Disturbance]:
    if facts.get("env_CUDA_LAUNCH_BLOCKING", "0") != "0":
        yield Disturbance("CUDA_LAUNCH_BLOCKING makes every launch wait", "unset it")
    if "env_NVIDIA_TF32_OVERRIDE" in facts:
        yield Disturbance(
            "NVIDIA_TF32_OVERRIDE decides on TF32, whatever is asked for", "unset it; use --tf32"
        )
    if facts.get("other_processes"):
        yield Disturbance("another process uses the GPU", "end it or take another GPU")
    if facts.get("throttled_by"):
        yield Disturbance(
            f"the GPU is held back ({', '.join(facts['throttled_by'])})",
            "cool it or raise its power limit",
        )


_LOOKS: tuple[Callable[[Environment], Iterator[Disturbance]], ...] = (
    _power,
    _cores,
    _surroundings,
    _gpu,
)
