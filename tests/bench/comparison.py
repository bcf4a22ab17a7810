"""Live comparisons of networks with themselves, and with copies that work 5 % and 2 % longer.

``python -m tests.bench comparison`` writes ``results/comparison.md``.  ``BENCH_NETWORKS`` narrows
the networks, ``BENCH_MINUTES`` says how long they are compared.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from opbench.intervals import median, rate_bound
from tests.bench.timing import FAILS
from tests.live.simulation import NOISES, Noise, simulated

NETWORKS = (
    *("lenet5", "squeezenet1_1", "alexnet", "googlenet"),
    *("resnet18", "resnet50", "inception_v3", "vgg16"),
)
_MINUTES = "17"
_ON_PAPER = 500
# Processes that want a core, for each core: our own on an idle machine, and with as many others.
_QUIET, _CALM = 1.25, 2.5
# A network and its copies, whose calling threads work a twentieth and a fiftieth longer.
_NETS = '''
import time

import torch
from torch import nn

from opbench.registry import entries
from opbench.timing.weights import build_cheaply


class Longer(nn.Module):
    """Works longer by a part of the processor seconds that the pass took."""

    def __init__(self, net, part):
        super().__init__()
        self.net, self.part = net, part

    def forward(self, x):
        if x.device.type == "meta":
            return self.net(x)
        start = time.thread_time()
        out = self.net(x)
        now = time.thread_time()
        end = now + self.part * (now - start)
        while time.thread_time() < end:
            pass
        return out


def built(name, percent):
    spec = entries.get(name)
    net = build_cheaply(spec.build, lambda built: built, 0).eval()
    return Longer(net, percent / 100), (torch.randn(1, *spec.input_size),)

'''
_EACH = """
def {name}_{percent}():
    return built("{name}", {percent})

"""
SAME, SLOWER, ALARMS = "SAME", "SLOWER", ("SLOWER", "FASTER")


class Planted(Enum):
    """The percent by which a copy works longer, and the threshold of the comparison."""

    NONE = 0, "5%"
    FIVE = 5, "5%"
    TWO = 2, "1%"

    @property
    def percent(self) -> int:
        """The percent."""
        return self.value[0]


# A network with itself is found the same soon, and its rate needs the most comparisons.
_ORDER = (Planted.NONE, Planted.FIVE, Planted.NONE, Planted.TWO, Planted.FIVE)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One comparison: the network, what was planted, what was found, and the load."""

    name: str
    planted: Planted
    row: dict[str, Any]
    load: float

    @property
    def verdict(self) -> str:
        """The verdict."""
        return str(self.row["verdict"])


def tried(names: Sequence[str], seconds: float) -> Iterator[Tried]:
    """Compare networks with themselves and with their copies until the time is up."""
    end = time.monotonic() + seconds
    with TemporaryDirectory() as folder:
        percents = product(names, [each.percent for each in Planted])
        text = "".join(_EACH.format(name=name, percent=percent) for name, percent in percents)
        (Path(folder) / "nets.py").write_text(_NETS + text, encoding="utf-8")
        for planted, name in product(_ORDER, names):
            if time.monotonic() < end:
                row = _compared(Path(folder), name, planted)
                yield Tried(name=name, planted=planted, row=row, load=psutil.getloadavg()[0])


def _compared(folder: Path, name: str, planted: Planted) -> dict[str, Any]:
    percent, threshold = planted.value
    targets = [f"nets.py:{name}_0", f"nets.py:{name}_{percent}"]
    options = ["--threshold", threshold, "--format", "json", "--quiet"]
    command = [sys.executable, "-m", "opbench", "compare", *targets, *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    sys.stderr.write(f"{name}, {percent} % planted: {done.stdout}\n")
    (row,) = json.loads(done.stdout)
    return dict(row)


def report() -> str:
    """``results/comparison.md``."""
    names = os.environ.get("BENCH_NETWORKS", "").split() or NETWORKS
    return told(list(tried(names, 60 * float(os.environ.get("BENCH_MINUTES", _MINUTES)))))


def told(found: Sequence[Tried]) -> str:
    """Tell the rates, and every comparison."""
    loads = [each.load for each in found]
    by_processor = sum(each.row["metric"] == "processor_s" for each in found)
    return "\n".join(
        [
            "# Live comparisons",
            "",
            "Written by `python -m tests.bench comparison`: `opbench compare` of a network with "
            "itself, and with copies that work 5 % and 2 % longer, at most 30 s each.  Load of the "
            f"machine ({os.cpu_count()} cores): median {median(loads):.1f}, from {min(loads):.1f} "
            f"to {max(loads):.1f}; in {by_processor} of {len(found)} comparisons cores were so "
            "busy that processor seconds decided.  Bounds of rates are Clopper-Pearson's, "
            "one-sided, with 95 % confidence.",
            "",
            "| claim | wanted | seen | |",
            "| --- | --- | --- | --- |",
            *_claims(found, median(loads) / (os.cpu_count() or 1)),
            "",
            f"On paper, {_ON_PAPER} comparisons of a network with itself and as many with a copy "
            "that works 5 % longer; the ratios of two processes differ by the standard deviation "
            "that is named:",
            "",
            "| noise | processes | false alarms | SAME | 5 % are SLOWER | intervals that hold the "
            "ratio |",
            "| --- | --: | --: | --: | --: | --: |",
            *(_on_paper(noise, process) for noise in NOISES for process in (0.01, 0.03, 0.05)),
            "",
            "| network | planted | verdict | ratio | interval | by | pairs | load |",
            "| --- | --- | --- | --: | --- | --- | --: | --: |",
            *map(_row, found),
            "",
        ]
    )


def _claims(found: Sequence[Tried], load: float) -> Iterator[str]:
    """Yield the rates beside what is wanted; a machine that is too busy refutes nothing."""
    own, five, two = ([each for each in found if each.planted is kind] for kind in Planted)
    alarms = sum(each.verdict in ALARMS for each in own)
    yield (
        f"| false alarms of a network with itself | at most 5 % | {alarms} of {len(own)}; a rate "
        f"of at most {rate_bound(alarms, len(own)):.0%} | {word(alarms <= 0.05 * len(own), True)} |"
    )
    for claim, wanted, tries, verdict, calm in (
        ("a network with itself is SAME, threshold 5 %", 0.8, own, SAME, load <= _CALM),
        ("5 % longer are SLOWER, threshold 5 %", 0.9, five, SLOWER, load <= _CALM),
        ("2 % longer are SLOWER, threshold 1 %, quiet machine", 0.9, two, SLOWER, load <= _QUIET),
    ):
        if tries:
            hits = sum(each.verdict == verdict for each in tries)
            bound = 1 - rate_bound(len(tries) - hits, len(tries))
            yield (
                f"| {claim} | at least {wanted:.0%} | {hits} of {len(tries)}; a rate of at least "
                f"{bound:.0%} | {word(hits >= wanted * len(tries), calm)} |"
            )


def _on_paper(noise: Noise, process: float) -> str:
    draw = random.Random(f"{noise.__name__} {process}")
    own = [simulated(noise, draw, process=process) for _ in range(_ON_PAPER)]
    slower = [simulated(noise, draw, process=process, ratio=1.05) for _ in range(_ON_PAPER)]
    holding = sum(each.covers(1.0) for each in own) + sum(each.covers(1.05) for each in slower)
    shares = (
        sum(each.verdict in ALARMS for each in own) / len(own),
        sum(each.verdict == SAME for each in own) / len(own),
        sum(each.verdict == SLOWER for each in slower) / len(slower),
        holding / len([*own, *slower]),
    )
    what = (noise.__doc__ or "").strip(".")
    return f"| {what} | {process:.0%} | {' | '.join(f'{share:.1%}' for share in shares)} |"


def word(holds: bool, calm: bool) -> str:
    """Say whether a claim holds; a machine that is not calm cannot tell that it does not."""
    return "holds" if holds else FAILS if calm else "cannot tell here"


def _row(each: Tried) -> str:
    row = each.row
    ratio, low, high = (
        f"{row[key]:.3f}" if row[key] else "?" for key in ("ratio", "ratio_low", "ratio_high")
    )
    by = {"latency_s": "clock", "processor_s": "processor"}[row["metric"]]
    planted = f"{each.planted.percent} %" if each.planted.percent else "none"
    return (
        f"| {each.name} | {planted} | {each.verdict} | {ratio} | {low} to {high} | {by} | "
        f"{row['pairs']} | {each.load:.1f} |"
    )
