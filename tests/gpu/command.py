"""The command line of this checkout, and the folder in which its runs are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from opbench.runs.store import RunFile, read_run

ROOT = Path(__file__).parents[2]
RUNS = "runs.tar"
# The time in which a run that was interrupted writes its end.
_TO_END_S = 8.0


@dataclass(frozen=True, kw_only=True)
class Said:
    """A command that ended: exit code (None where it was ended), what it said, and for how long."""

    code: int | None
    out: str
    err: str
    seconds: float

    @property
    def last_words(self) -> str:
        """Its exit code and its last line, for a part that needed more of it."""
        line = " ".join((self.err or self.out).strip().splitlines()[-1:])
        return f"exit code {self.code}: {line}" if self.code is not None else "its time was up"


def opbench(*args: str, seconds: float) -> Said:
    """Run the command line for at most so long; then it is interrupted, as by Ctrl-C."""
    command = [sys.executable, "-m", "opbench", *args]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=max(seconds - _TO_END_S, 1.0))
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        code = None
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=_TO_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    sys.stderr.write(f"$ opbench {' '.join(args)}\n{err}\n")
    return Said(code=code, out=out, err=err, seconds=time.monotonic() - began)


def environment() -> dict[str, str]:
    """Return the variables under which this checkout is found by processes and theirs."""
    path = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}


def keep(folder: Path, results: Path) -> None:
    """Add the files of ``results`` to the folder's archive."""
    with tarfile.open(folder / RUNS, "a") as archive:
        for path in sorted(results.rglob("*.jsonl")):
            archive.add(path, str(path.relative_to(results)))


def unpack(folder: Path, results: Path) -> None:
    """Bring back what was kept; of a file that was kept twice the last."""
    with suppress(FileNotFoundError), tarfile.open(folder / RUNS) as archive:
        archive.extractall(results, filter="data")


def runs_in(results: Path) -> list[RunFile]:
    """Read the runs of a results folder."""
    return [read_run(path) for path in sorted((results / "runs").glob("*.jsonl"))]
