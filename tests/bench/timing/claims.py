"""Claims, and the runs that they are about."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from opbench.record import Record
from opbench.runs.store import RunFile, read_run, run_files

ROOT = Path(__file__).parent.parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, what was seen, and whether it holds; None where this machine cannot tell."""

    what: str
    wanted: str
    seen: str
    holds: bool | None


@dataclass(frozen=True, kw_only=True)
class TimedRun:
    """One ``opbench run``: its file, how long it took, and the most memory its parent had."""

    file: RunFile
    wall_s: float
    parent_bytes: int

    @property
    def records(self) -> dict[str, Record]:
        """The records by name."""
        return {record.cell.name: record for record in self.file.of(Record)}


def opbench_run(*args: str) -> TimedRun:
    """Run the command in a process of its own, as a user does.

    Raises ``RuntimeError`` for a run that fails, or in which a network does.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "opbench", "run", *args, "--results", folder, "--json"]
        start, most = time.monotonic(), 0
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            time.sleep(0.5)
        wall_s = time.monotonic() - start
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
        file = read_run(run_files(Path(folder))[0])
    return TimedRun(file=file, wall_s=wall_s, parent_bytes=most)


def _resident(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def python(code: str, *args: str) -> dict[str, float]:
    """What a fresh interpreter prints as JSON when it runs ``code``."""
    command = [sys.executable, "-c", code, *args]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout)
    return said
