"""The cost of starting: of a process that times on a GPU, and of a whole run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from opbench.record import Record
from opbench.runs.lines import RoundLine
from tests.gpu import command
from tests.gpu.bed import SMALLEST, Bed
from tests.gpu.outcome import Finding

# The least that a process costs on a GPU, if a process for each cell and round is to be too many.
_COSTLY_S = 0.6
_RUN_S = 60.0
_TARGETS = ("lenet5", "resnet50", "vgg16", "inception_v4")


def anatomy(bed: Bed) -> Iterator[Finding]:
    """Take a fresh process apart, twice: the first may find its files on the disk."""
    for which in ("first", "second"):
        steps, wall_s = _process(bed)
        imports = steps["import torch"] + steps["import opbench"]
        rest = wall_s - imports
        ratio = steps["second call"] / steps["tenth call"]
        yield Finding(
            what=f"a fresh process costs seconds before it times anything ({which} process)",
            expected="import of torch 3 to 6 s; without imports 1.5 to 3 s in all: initialisation "
            "0.3 to 0.8, libraries 0.3 to 1, first call 0.2 to 0.6",
            seen=f"import of torch {steps['import torch']:.2f} s, without imports {rest:.2f} s: "
            f"first tensor {steps['first tensor']:.2f}, first convolution and product "
            f"{steps['first convolution'] + steps['first product']:.2f}, first call "
            f"{steps['first call']:.2f}; the second call took {ratio:.2f} times the tenth",
            holds=rest >= _COSTLY_S,
            numbers={**steps, "wall_s": wall_s},
        )


def _process(bed: Bed) -> tuple[dict[str, float], float]:
    (network,) = bed.networks("resnet50")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.anatomy", bed.device, network],
        cwd=command.ROOT,
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s = time.monotonic() - began
    sys.stderr.write(done.stderr)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise RuntimeError(f"the process ended with {done.returncode}: {last}")
    steps: dict[str, float] = json.loads(done.stdout)
    return steps, wall_s


def a_real_run(bed: Bed) -> Iterator[Finding]:
    """Time four networks as a user does."""
    targets = (SMALLEST,) if bed.dry else _TARGETS
    quick = ("--max-seconds", "0.05", "--rounds", "3") if bed.dry else ()
    with tempfile.TemporaryDirectory() as name:
        results = Path(name)
        said = command.opbench(
            "run", *targets, "--device", bed.device, "--results", name, "--json", *quick,
            seconds=bed.seconds - 5,
        )  # fmt: skip
        command.keep(bed.folder, results)
        if said.code != 0:
            raise RuntimeError(said.last_words)
        (run,) = command.runs_in(results)
    rounds = [line.round for line in run.of(RoundLine)]
    forward_s = sum(each.forward_s for each in rounds)
    qualities = {each.cell.name: each.measurement.quality for each in run.of(Record)}
    numbers = {
        "wall_s": said.seconds,
        "forward_s": forward_s,
        "process_s": [each.process_s for each in rounds],
        "start_up_s": [each.start_up_s for each in rounds],
        "launches": {line.cell.name: line.round.launches for line in run.of(RoundLine)},
        "quality": qualities,
    }
    yield Finding(
        what="a run of four networks takes less than a minute, one process for each round",
        expected=f"under {_RUN_S:.0f} s (60 to 90 s with a process for each network and round)",
        seen=f"{said.seconds:.0f} s for {len(rounds)} timings, {forward_s / said.seconds:.0%} of "
        f"them in forward passes; rated {', '.join(sorted(set(qualities.values())))}",
        holds=said.seconds < _RUN_S,
        numbers=numbers,
    )
