"""How long counting takes, as ratios within one run; absolute times depend on the machine.

Times are processor seconds of one thread, which a busy machine disturbs least.
"""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from opbench.counting import build_and_count, count
from opbench.registry.entries import specs
from opbench.spec import ArchitectureSpec

_HEAD = """# Speed

Ratios, each of two things measured in turns on one machine; written by `make bench`. Above 1,
opbench is the faster, or the leaner. Every network of the registry that classifies ImageNet
({networks} of them), one image, the shortest of {repeats} runs each; the sum of their times, and
the range over the networks, with the one at its lower end.

"""
_REPEATS = 5

Work = Callable[[], object]


def report() -> str:
    """The page, as Markdown."""
    torch.set_num_threads(1)
    chosen = [spec for spec in specs().values() if spec.dataset == "imagenet"]
    times = {spec.name: in_turns(_works(spec)) for spec in chosen}
    lines = [_HEAD.format(networks=len(chosen), repeats=_REPEATS)]
    lines.append("| opbench against | ratio | from | at | to |\n|---|--:|--:|---|--:|\n")
    for label, theirs, ours in _COMPARED:
        both = {name: (each[theirs], each[ours]) for name, each in times.items()}
        lines.append(_row(label, both))
    return "".join(lines) + _processes()


def in_turns(works: Mapping[str, Work]) -> dict[str, float]:
    """The shortest of several runs of each, in processor seconds; one after the other, over and
    over, so that a machine that changes its pace changes it for all."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(_REPEATS):
        for name, work in works.items():
            gc.collect()  # what the one before has left
            started = time.process_time()
            work()
            taken[name].append(time.process_time() - started)
    return {name: min(each) for name, each in taken.items()}


def _row(label: str, times: Mapping[str, tuple[float, float]]) -> str:
    each = {name: theirs / ours for name, (theirs, ours) in times.items()}
    lowest = min(each, key=lambda name: each[name])
    total = sum(theirs for theirs, _ in times.values()) / sum(ours for _, ours in times.values())
    return (
        f"| {label} | {total:.1f} | {each[lowest]:.1f} | `{lowest}` | {max(each.values()):.1f} |\n"
    )


def _works(spec: ArchitectureSpec) -> dict[str, Work]:
    network, images = _on_meta(spec)
    real, values = spec.build().eval(), torch.randn(1, *spec.input_size)

    def plain() -> None:
        with torch.inference_mode():
            network(images)

    def plain_building() -> None:
        built, empty = _on_meta(spec)
        with torch.inference_mode():
            built(empty)

    def flop_counter() -> None:
        with torch.no_grad(), FlopCounterMode(display=False):
            network(images)

    def fvcore() -> None:
        with torch.no_grad():
            analysis = FlopCountAnalysis(real, values)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()

    return {
        "opbench": partial(count, network, spec.input_size),
        "opbench, building": partial(build_and_count, spec.build, spec.input_size),
        "plain": plain,
        "plain, building": plain_building,
        "flop_counter": flop_counter,
        "fvcore": fvcore,
    }


def _on_meta(spec: ArchitectureSpec) -> tuple[nn.Module, torch.Tensor]:
    with torch.device("meta"):
        return spec.build().eval(), torch.empty(1, *spec.input_size)


_COMPARED = (
    ("`fvcore` on the CPU", "fvcore", "opbench"),
    ("`torch.utils.flop_counter` on the meta device", "flop_counter", "opbench"),
    ("a plain forward pass on the meta device", "plain", "opbench"),
    (
        "a plain forward pass on the meta device, building included",
        "plain, building",
        "opbench, building",
    ),
)

_FORWARD = """
import torch
from opbench.registry.entries import specs
for spec in specs().values():
    with torch.device("meta"):
        network, images = spec.build().eval(), torch.empty(1, *spec.input_size)
    with torch.inference_mode():
        network(images)
"""
# getrusage would report the parent's peak where that is the larger.
_PEAK = """
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
_VGG19 = """
from opbench.counting import build_and_count
from opbench.registry.entries import specs
spec = specs()["vgg19"]
assert build_and_count(spec.build, spec.input_size).macs == 19_632_062_464
"""


def _processes() -> str:
    """Whole programs, in processes of their own."""
    plain, check = _program("-W", "ignore", "-c", _FORWARD), _program("-m", "opbench", "check")
    alone, counting = (int(_output(code + _PEAK)) for code in ("import torch", _VGG19))
    return (
        "\n| whole programs | ratio |\n|---|--:|\n"
        f"| a plain meta forward pass of the whole registry, against `opbench check` of it | "
        f"{plain / check:.1f} |\n"
        f"| peak memory of `import torch`, against counting VGG-19 | {alone / counting:.3f} |\n"
    )


def _program(*arguments: str) -> float:
    """The shortest of several runs of a Python program, in processor seconds.

    Raises ``CalledProcessError`` for one that fails: ending early is not being fast.
    """
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def _output(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    ).stdout
