"""All of timm counted in one process: what fails, what it costs and whether memory stays flat.

``python -m tests.bench.census`` is that process; it prints a JSON object per network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import torch

from opbench.counting.tracing.tracer import Tracer
from opbench.errors import MissingExtraError, describe
from opbench.registry import providers
from opbench.registry.targets import count_target, resolve
from tests.providers import torchvision_operators  # noqa: F401  timm imports torchvision

_HEAD = """# All of timm in one process

Every network of timm, built without weights and counted at its own input size by one process on
one thread; written by `make bench`.

"""
_NONE = "Skipped: timm cannot be imported here ({reason}).\n"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One network.  ``calls`` are the operators that its forward pass was made of, ``building_s``
    and ``counting_s`` processor time in its constructors and in opbench, ``memory_bytes`` what the
    process holds afterwards."""

    name: str
    memory_bytes: int = 0
    error: str = ""
    device: str = ""
    uncounted: str = ""
    calls: int = 0
    building_s: float = 0.0
    counting_s: float = 0.0


def report() -> str:
    """The page, as Markdown."""
    try:
        providers.match("timm", "*")
    except MissingExtraError as error:
        return _HEAD + _NONE.format(reason=error)
    child = [sys.executable, "-W", "ignore", "-m", "tests.bench.census"]
    done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
    rows = [Counted(**json.loads(line)) for line in done.stdout.splitlines()]
    return _HEAD + _version() + _table(rows) + _listed(rows)


def census() -> Iterator[Counted]:
    """Count them one after the other."""
    torch.set_num_threads(1)
    names = [target.name for target in resolve(["timm:*"])]
    for number, name in enumerate(names, start=1):
        if number % 100 == 0:
            sys.stderr.write(f"{number} of {len(names)} counted\n")
        try:
            row = _timed(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a network may raise anything
            row = Counted(name=name, error=describe(error))
        yield replace(row, memory_bytes=psutil.Process().memory_info().rss)


def _timed(name: str) -> Counted:
    (target,) = resolve([name])
    calls, building_s = 0, 0.0
    judge = Tracer.__torch_dispatch__

    def watched(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return judge(*args, **kwargs)

    def build() -> Any:
        nonlocal building_s
        started = time.process_time()
        built = target.build()
        building_s += time.process_time() - started
        return built

    printed = redirect_stdout(sys.stderr)  # by a network: the rows have stdout to themselves
    with printed, patch.object(Tracer, "__torch_dispatch__", watched):
        started = time.process_time()
        counted = count_target(replace(target, build=build))
        whole_s = time.process_time() - started
    return Counted(
        name=name,
        device=counted.device,
        uncounted=" ".join(counted.uncounted),
        calls=calls,
        building_s=building_s,
        counting_s=whole_s - building_s,
    )


def _version() -> str:
    return f"{providers.version('timm:')}, torch {torch.__version__}.\n\n"


def _table(rows: Sequence[Counted]) -> str:
    done = [row for row in rows if not row.error]
    whole = [row for row in done if not row.uncounted]
    lines = {
        "networks": f"{len(rows):,}",
        "failed": f"{len(rows) - len(done):,}",
        "every operator counted": f"{len(whole):,}, {len(whole) / len(rows):.2%}",
        "counted without weights": f"{sum(row.device == 'meta' for row in done):,}",
        "memory after the first quarter": _mebibytes(rows[len(rows) // 4]),
        "memory after the last": _mebibytes(rows[-1]),
        **_cost(done),
    }
    return "| | |\n|---|--:|\n" + "".join(f"| {key} | {value} |\n" for key, value in lines.items())


def _mebibytes(row: Counted) -> str:
    return f"{row.memory_bytes / 2**20:,.0f} MiB"


def _cost(rows: Sequence[Counted]) -> dict[str, str]:
    """How far the time that opbench adds to the constructors is that of the operators."""
    calls = np.array([row.calls for row in rows], dtype=float)
    seconds = np.array([row.counting_s for row in rows])
    building = sum(row.building_s for row in rows)
    ranks = np.corrcoef(calls.argsort().argsort(), seconds.argsort().argsort())[0, 1]
    line = np.corrcoef(calls, seconds)[0, 1] ** 2
    low, high = np.quantile(seconds / calls, [0.05, 0.95]) / np.median(seconds / calls)
    return {
        "operators executed": f"{calls.sum():,.0f}",
        "share of the time in the networks' own constructors": (
            f"{building / (building + seconds.sum()):.0%}"
        ),
        "the rest and operators: rank correlation": f"{ranks:.3f}",
        "the rest and operators: share of variance on a straight line": f"{line:.3f}",
        "the rest per operator, 5th and 95th percentile over the median": f"{low:.2f}, {high:.2f}",
    }


def _listed(rows: Sequence[Counted]) -> str:
    odd = [(row.name, row.error or f"uncounted: {row.uncounted}") for row in rows]
    lines = [f"| `{name}` | {why} |\n" for name, why in odd if why != "uncounted: "]
    return "\n| network | |\n|---|---|\n" + "".join(lines) if lines else ""


if __name__ == "__main__":
    for row in census():
        sys.stdout.write(json.dumps(asdict(row)) + "\n")
