"""Eager right after another runtime's process, and right after one of its own, in turns."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from opbench.intervals import Interval
from opbench.record import Round
from opbench.runs.pool import ForkServer, done
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from tests.bench.runtimes.registry import cell_of
from tests.bench.runtimes.turns import ratio_of_turns
from tests.bench.timing.claims import Claim

NETWORK = "resnet18"
RUNTIMES = ("compile", "aot", "onnxruntime", "openvino")
_SLOWER = 0.05


def section(rounds: int) -> tuple[list[Claim], str]:
    """Time eager after every runtime in turns; return the claims, and what they are about."""
    taken = after_each(NETWORK, RUNTIMES, rounds)
    claims = [
        Claim(
            what=f"{NETWORK}: eager after {runtime}, over eager after eager",
            wanted=f"no more than {1 + _SLOWER:g}",
            seen=f"{ratio.estimate:.3f} ({ratio.low:.3f}-{ratio.high:.3f})",
            holds=verdict(ratio),
        )
        for runtime in RUNTIMES
        for ratio in [ratio_of_turns(taken["eager"], taken[runtime])]
    ]
    text = (
        "## Nothing is left behind\n\n"
        f"{NETWORK} in eager, in the process after that of each runtime, as cells of a run follow "
        f"each other: {rounds} turns in random order.\n"
    )
    return claims, text


def verdict(ratio: Interval) -> bool | None:
    """Return whether eager is not slower; None where the interval leaves it open."""
    if ratio.high <= 1 + _SLOWER:
        return True
    return False if ratio.low > 1 + _SLOWER else None


def after_each(
    name: str, runtimes: tuple[str, ...], rounds: int
) -> dict[str, list[tuple[float, ...]]]:
    """Return samples of eager, by the runtime of the process before: "eager" for its own."""
    before = ("eager", *runtimes)
    taken: dict[str, list[tuple[float, ...]]] = {each: [] for each in before}
    draw = random.Random(0)
    with ForkServer() as workers, TemporaryDirectory() as folder:
        for number in range(1, rounds + 1):
            for runtime in draw.sample(before, len(before)):
                _time(workers, name, runtime, number, Path(folder))
                taken[runtime].append(_time(workers, name, "eager", number, Path(folder)))
    return taken


def _time(
    workers: ForkServer, name: str, runtime: str, number: int, folder: Path
) -> tuple[float, ...]:
    request = {
        "job": "time",
        "cell": cell_of(name, runtime).to_json(),
        "number": number,
        "protocol": Protocol().to_json(),
        "cuda": CudaOptions().to_json(),
        "gpu_uuid": None,
        "own_inputs": True,
        "with_load": False,
        "idle_power_w": None,
        "folder": None if runtime == "eager" else str(folder / runtime),
    }
    return Round.from_json(done(workers.ask(request))["round"]).samples_s
