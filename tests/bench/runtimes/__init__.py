"""Runtimes on this machine: within their limits, as fast as their own tools, and leaving nothing.

    registry   ImageNet networks of the registry in all runtimes, from one run
    tools      ONNX Runtime and OpenVINO beside their own API and ``benchmark_app``
    leftovers  eager alone, and eager right after each runtime

``python -m tests.bench runtimes`` writes ``results/runtimes.md``.  The run is kept in a folder of
``results/mine``, where a second call goes on with it; ``BENCH_RUN`` names another to report.
``BENCH_NETWORKS`` and ``BENCH_RUNTIMES`` narrow the run, ``BENCH_ROUNDS`` the turns of the others.
"""

from __future__ import annotations

import os

from tests.bench.runtimes import leftovers, registry, tools
from tests.bench.timing import table
from tests.bench.timing.claims import Claim

ROUNDS = 12

_HEAD = """# Runtimes

Written by `python -m tests.bench runtimes`: one image, as many threads as PyTorch takes.
{machine}

"""


def report() -> str:
    """``results/runtimes.md``."""
    rounds = int(os.environ.get("BENCH_ROUNDS", ROUNDS))
    run = registry.measured()
    sections: list[tuple[list[Claim], str]] = [
        registry.section(run),
        tools.section(rounds),
        leftovers.section(rounds),
    ]
    claims = [claim for found, _ in sections for claim in found]
    texts = "\n".join(text for _, text in sections)
    return f"{_HEAD.format(machine=registry.machine(run))}{table(claims)}\n{texts}"
