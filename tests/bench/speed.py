"""How long counting takes, as ratios within one run; absolute times depend on the machine.

Times are processor seconds of one thread, which a busy machine disturbs least.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from opbench.counting import build_and_count, count
from opbench.registry.entries import specs
from opbench.spec import ArchitectureSpec

_HEAD = """# Speed

Ratios, each of two things measured in one run on one machine; written by `make bench`. Above 1,
opbench is the faster, or the leaner. Every network of the registry that classifies ImageNet
({networks} of them), one image, the shortest of {repeats} runs each; the sum of their times, and
the range over the networks, with the one at its lower end.

"""
_REPEATS = 3


def report() -> str:
    """The page, as Markdown."""
    torch.set_num_threads(1)
    chosen = [spec for spec in specs().values() if spec.dataset == "imagenet"]
    times: dict[str, list[float]] = {name: [] for name in _TIMED}
    for spec in chosen:
        for name, timed in _TIMED.items():
            times[name].append(timed(spec))
    head = _HEAD.format(networks=len(chosen), repeats=_REPEATS)
    lines = [head, "| opbench against | ratio | from | at | to |\n|---|--:|--:|---|--:|\n"]
    for label, theirs, ours in _COMPARED:
        lines.append(_row(label, times[theirs], times[ours], [spec.name for spec in chosen]))
    return "".join(lines) + _processes()


def _row(label: str, theirs: list[float], ours: list[float], names: list[str]) -> str:
    each = [a / b for a, b in zip(theirs, ours, strict=True)]
    lowest, at = min(zip(each, names, strict=True))
    total = sum(theirs) / sum(ours)
    return f"| {label} | {total:.1f} | {lowest:.1f} | `{at}` | {max(each):.1f} |\n"


def best_of(repeats: int, work: Callable[[], object]) -> float:
    """The shortest of several runs, in processor seconds."""
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def _on_meta(spec: ArchitectureSpec) -> tuple[nn.Module, torch.Tensor]:
    with torch.device("meta"):
        return spec.build().eval(), torch.empty(1, *spec.input_size)


def _opbench(spec: ArchitectureSpec) -> float:
    network, _ = _on_meta(spec)
    return best_of(_REPEATS, partial(count, network, spec.input_size))


def _opbench_building(spec: ArchitectureSpec) -> float:
    return best_of(_REPEATS, partial(build_and_count, spec.build, spec.input_size))


def _plain(spec: ArchitectureSpec) -> float:
    network, images = _on_meta(spec)
    with torch.inference_mode():
        return best_of(_REPEATS, partial(network, images))


def _plain_building(spec: ArchitectureSpec) -> float:
    def work() -> None:
        network, images = _on_meta(spec)
        with torch.inference_mode():
            network(images)

    return best_of(_REPEATS, work)


def _flop_counter(spec: ArchitectureSpec) -> float:
    network, images = _on_meta(spec)

    def work() -> None:
        with torch.no_grad(), FlopCounterMode(display=False):
            network(images)

    return best_of(_REPEATS, work)


def _fvcore(spec: ArchitectureSpec) -> float:
    network = spec.build().eval()
    images = torch.randn(1, *spec.input_size)

    def work() -> None:
        analysis = FlopCountAnalysis(network, images)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()

    with torch.no_grad():
        return best_of(_REPEATS, work)


_TIMED = {
    "opbench": _opbench,
    "opbench, building": _opbench_building,
    "plain": _plain,
    "plain, building": _plain_building,
    "flop_counter": _flop_counter,
    "fvcore": _fvcore,
}
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
    for _ in range(_REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def _output(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    ).stdout
