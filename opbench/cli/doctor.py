"""``opbench doctor``: facts about this machine, what is missing, what will disturb a timing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from opbench.cli.columns import Column
from opbench.cli.options import OutputFormat
from opbench.cli.render import Format, render, write

_COLUMNS = (
    Column(key="what", title=""),
    Column(key="name", title="name", keep=True),
    Column(key="value", title="found", prose=True, keep=True),
    Column(key="advice", title="what to do", prose=True, keep=True),
)

_OPTIONAL = {
    "torchvision": "for torchvision:NAME: `pip install 'opbench[torchvision]'`",
    "timm": "for timm:NAME: `pip install 'opbench[timm]'`",
    "pynvml": "for a GPU's clocks, power and energy: `pip install 'opbench[gpu]'`",
}


def doctor(
    format: OutputFormat = Format.table,
) -> None:
    """Show what this machine is, what is missing, and what will disturb timings.

    Every run records these facts; runs are compared only where they are equal.

    Examples:
        opbench doctor
        opbench doctor --format json
    """
    from opbench.runs.environment import system_facts
    from opbench.timing.disturbances import findings, watch

    facts = system_facts()
    torch, gpu = _of_torch()
    facts |= torch
    cores = len(facts.get("affinity", ())) or facts["logical_cores"]
    rows = [{"what": "fact", "name": key, "value": value} for key, value in facts.items()]
    if torch:
        rows += _runtimes()
    rows += _missing(torch)
    rows += _without_energy(torch, gpu)
    rows += [
        {"what": "disturbs", "name": "", "value": each.seen, "advice": each.advice}
        for each in (*findings(facts | gpu), *watch(cores))
    ]
    write(render(rows, format, _COLUMNS))


def _of_torch() -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask PyTorch, and the first GPU for its state; return nothing where torch is not installed."""
    try:
        import torch

        from opbench.timing.gpu import open_gpu
        from opbench.timing.torch_facts import gpu_facts, gpu_uuid, torch_facts
    except (ImportError, OSError):
        return {}, {}
    if not torch.cuda.is_available():
        return torch_facts(), {}
    gpu = open_gpu(gpu_uuid("cuda:0"))
    return torch_facts() | gpu_facts("cuda:0"), gpu.state() if gpu else {}


def _missing(torch: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if not torch:
        yield _lacking("torch", "nothing can be counted or timed: `pip install torch`")
    elif not torch.get("gpu"):
        yield _lacking("GPU", "--device cuda needs one, and a PyTorch built for it")
    for module, advice in _OPTIONAL.items():
        if find_spec(module) is None:
            yield _lacking(module, advice)
    if not any(shutil.which(compiler) for compiler in ("g++", "clang++", "cl")):
        yield _lacking("C++ compiler", "the runtimes compile and aot need one on the CPU")


def _runtimes() -> Iterator[dict[str, Any]]:
    """Yield each runtime with its versions and where it can execute, or how to get it."""
    from opbench.runtimes import find, names

    for runtime in map(find, names()):
        sentence = runtime.missing()
        found = ", ".join(f"{name} {version}" for name, version in runtime.versions().items())
        where = [] if sentence else runtime.providers()
        value = " on ".join(filter(None, (found, ", ".join(where))))
        what = "missing" if sentence else "runtime"
        yield {
            "what": what,
            "name": f"runtime {runtime.name}",
            "value": value or None,
            "advice": sentence or None,
        }


def _without_energy(torch: dict[str, Any], gpu: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from opbench.timing.energy import cpu_meter, why_not_measured

    if cpu_meter() is None:
        yield _lacking("energy of the processor", why_not_measured("cpu"))
    if torch.get("gpu") and "power_w" not in gpu:
        yield _lacking("energy of the GPU", why_not_measured("cuda:0"))


def _lacking(name: str, advice: str) -> dict[str, Any]:
    return {"what": "missing", "name": name, "value": None, "advice": advice}
