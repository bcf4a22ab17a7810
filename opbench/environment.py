"""What a run was made on: the machine, the software, the settings, and how busy it was.

Every fact is read, none is assumed: what cannot be read is left out.  The facts are flat, so that
two environments can be compared field by field.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

Fact = tuple[str, Any]


def system_facts() -> dict[str, Any]:
    """What can be known of the machine and the system without torch."""
    facts = dict(_system()) | dict(_processor()) | dict(_commit())
    return {key: value for key, value in facts.items() if value is not None}


def _system() -> Iterator[Fact]:
    yield "os", platform.system()
    yield "kernel", platform.release()
    yield "python", platform.python_version()
    yield "machine", platform.machine()
    yield "memory_bytes", psutil.virtual_memory().total


def _processor() -> Iterator[Fact]:
    yield "cpu", _cpu_model()
    yield "cores", psutil.cpu_count(logical=False)
    yield "logical_cores", psutil.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        yield "affinity", sorted(os.sched_getaffinity(0))
    yield "governor", _line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
    yield "load_before", psutil.getloadavg()[0]


def _cpu_model() -> str | None:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _commit() -> Iterator[Fact]:
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return
    if done.returncode == 0:
        yield "opbench_commit", done.stdout.strip()


def _line(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
