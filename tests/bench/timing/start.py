"""Starting: what the command line costs before it does anything."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.timing.claims import ROOT, Claim

TIMES = 7
RATIO = 2.5
IMPORTS = "import opbench, sys; sys.exit(bool({'torch', 'pandas', 'numpy'} & sys.modules.keys()))"


def claims() -> Iterator[Claim]:
    """The best of several starts of each, in turns."""
    libraries, ours = [], []
    for _ in range(TIMES):
        libraries.append(_seconds("-c", "import typer, rich"))
        ours.append(_seconds("-m", "opbench", "--help"))
    ratio = min(ours) / min(libraries)
    yield Claim(
        what='opbench --help, beside python -c "import typer, rich"',
        wanted=f"at most {RATIO} times",
        seen=f"{ratio:.2f} times",
        holds=ratio <= RATIO,
    )
    code = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, check=False).returncode
    yield Claim(
        what="import opbench",
        wanted="imports neither torch nor pandas nor numpy",
        seen="none of them" if code == 0 else "one of them",
        holds=code == 0,
    )


def _seconds(*args: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *args], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
