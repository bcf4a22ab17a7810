"""Live comparisons of networks with themselves, and with a copy that works 5 % longer.

``python -m tests.bench comparison`` writes ``results/comparison.md``.  ``BENCH_NETWORKS`` narrows
the networks, ``BENCH_TIMES`` says how often each is compared.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
PLANTED = 1.05
_ON_PAPER = 1000
# Processes that want a core, for each core, up to which a machine can be asked for a verdict.
_CALM = 2.5
# A network and its copy, whose calling thread works a twentieth longer.
_NETS = '''
import time

import torch
from torch import nn

from opbench.registry import entries
from opbench.timing.weights import build_cheaply


class Longer(nn.Module):
    """Works 5 % longer: the processor seconds of a pass of its own, taken once, times 0.05."""

    def __init__(self, net):
        super().__init__()
        self.net, self.extra_s = net, None

    def forward(self, x):
        if x.device.type == "meta":
            return self.net(x)
        if self.extra_s is None:
            taken = []
            for _ in range(5):
                start = time.thread_time()
                self.net(x)
                taken.append(time.thread_time() - start)
            self.extra_s = 0.05 * sorted(taken)[2]
        out = self.net(x)
        end = time.thread_time() + self.extra_s
        while time.thread_time() < end:
            pass
        return out


def built(name, longer):
    spec = entries.get(name)
    net = build_cheaply(spec.build, lambda built: built, 0).eval()
    return (Longer(net) if longer else net), (torch.randn(1, *spec.input_size),)

'''
_EACH = """
def {name}():
    return built("{name}", False)


def {name}_longer():
    return built("{name}", True)

"""
SLOWER, ALARMS = "SLOWER", ("SLOWER", "FASTER")


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One comparison: the network, whether 5 % were planted, what was found, and the load."""

    name: str
    planted: bool
    row: dict[str, Any]
    load: float

    @property
    def verdict(self) -> str:
        """The verdict."""
        return str(self.row["verdict"])


def tried(names: Sequence[str], times: int) -> Iterator[Tried]:
    """Compare each network with itself and with its copy, ``times`` times in turns."""
    with TemporaryDirectory() as folder:
        text = _NETS + "".join(_EACH.format(name=name) for name in names)
        (Path(folder) / "nets.py").write_text(text, encoding="utf-8")
        for _ in range(times):
            for name in names:
                for planted in (False, True):
                    row = _compared(Path(folder), name, planted=planted)
                    load = psutil.getloadavg()[0]
                    yield Tried(name=name, planted=planted, row=row, load=load)


def _compared(folder: Path, name: str, *, planted: bool) -> dict[str, Any]:
    new = f"nets.py:{name}_longer" if planted else f"nets.py:{name}"
    command = ["-m", "opbench", "compare", f"nets.py:{name}", new, "--format", "json", "--quiet"]
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    sys.stderr.write(f"{name}{' planted' * planted}: {done.stdout}\n")
    (row,) = json.loads(done.stdout)
    return dict(row)


def report() -> str:
    """``results/comparison.md``."""
    names = os.environ.get("BENCH_NETWORKS", "").split() or NETWORKS
    return told(list(tried(names, int(os.environ.get("BENCH_TIMES", "3")))))


def told(found: Sequence[Tried]) -> str:
    """Tell the rates, and every comparison."""
    own, planted = ([each for each in found if each.planted is kind] for kind in (False, True))
    alarms = sum(each.verdict in ALARMS for each in own)
    bound = rate_bound(alarms, len(own))
    same = sum(each.verdict == "SAME" for each in own)
    caught = sum(each.verdict == SLOWER for each in planted)
    loads = [each.load for each in found]
    calm = median(loads) <= _CALM * (os.cpu_count() or 1)
    by_processor = sum(each.row["metric"] == "processor_s" for each in found)
    return "\n".join(
        [
            "# Live comparisons",
            "",
            "Written by `python -m tests.bench comparison`: `opbench compare` of a network with "
            "itself, and with a copy that works 5 % longer, at most 30 s each, threshold 5 %.  "
            f"Load of the machine ({os.cpu_count()} cores): median {median(loads):.1f}, from "
            f"{min(loads):.1f} to {max(loads):.1f}; in {by_processor} of {len(found)} comparisons "
            "cores were so busy that processor seconds decided.",
            "",
            "| claim | wanted | seen | |",
            "| --- | --- | --- | --- |",
            f"| false alarms of a network with itself | at most 5 % | {alarms} of {len(own)}; a "
            f"rate of at most {bound:.0%}, with 95 % confidence "
            f"| {word(alarms <= 0.05 * len(own), True)} |",
            f"| a network with itself is SAME | at least 80 % | {same} of {len(own)} "
            f"| {word(same >= 0.8 * len(own), calm)} |",
            f"| 5 % longer are SLOWER | at least 90 % | {caught} of {len(planted)} "
            f"| {word(caught >= 0.9 * len(planted), calm)} |",
            "",
            "On paper, 1,000 comparisons of each kind, with processes that differ by 1 %:",
            "",
            "| noise | false alarms | SAME | 5 % are SLOWER | intervals that hold the ratio |",
            "| --- | --: | --: | --: | --: |",
            *map(_on_paper, NOISES),
            "",
            "| network | planted | verdict | ratio | interval | by | pairs | load |",
            "| --- | --- | --- | --: | --- | --- | --: | --: |",
            *map(_row, found),
            "",
        ]
    )


def _on_paper(noise: Noise) -> str:
    draw = random.Random(noise.__name__)
    own = [simulated(noise, draw) for _ in range(_ON_PAPER)]
    slower = [simulated(noise, draw, ratio=PLANTED) for _ in range(_ON_PAPER)]
    holding = sum(each.covers(1.0) for each in own) + sum(each.covers(PLANTED) for each in slower)
    shares = (
        sum(each.verdict in ALARMS for each in own) / len(own),
        sum(each.verdict == "SAME" for each in own) / len(own),
        sum(each.verdict == SLOWER for each in slower) / len(slower),
        holding / len([*own, *slower]),
    )
    what = (noise.__doc__ or "").strip(".")
    return f"| {what} | {' | '.join(f'{share:.1%}' for share in shares)} |"


def word(holds: bool, calm: bool) -> str:
    """Say whether a claim holds; a machine that is not calm cannot tell that it does not."""
    return "holds" if holds else FAILS if calm else "cannot tell here"


def _row(each: Tried) -> str:
    row = each.row
    ratio, low, high = (
        f"{row[key]:.3f}" if row[key] else "?" for key in ("ratio", "ratio_low", "ratio_high")
    )
    by = {"latency_s": "clock", "processor_s": "processor"}[row["metric"]]
    planted = f"{PLANTED - 1:.0%}" if each.planted else "none"
    return (
        f"| {each.name} | {planted} | {each.verdict} | {ratio} | {low} to {high} | {by} | "
        f"{row['pairs']} | {each.load:.1f} |"
    )
