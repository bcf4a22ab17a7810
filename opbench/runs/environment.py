"""Read the environment of a run: the machine, its settings and load; all but PyTorch's part.

Every fact is read, none is assumed: what cannot be read is left out.  The facts are flat, so that
two environments can be compared field by field; ``unequal_facts`` does.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

# On a virtual machine, and on ARM, the model's name says little or nothing.
_IDENTITY = {
    "cpu_vendor": ("vendor_id", "CPU implementer"),
    "cpu_family": ("cpu family", "CPU architecture"),
    "cpu_model": ("model", "CPU part"),
    "cpu_stepping": ("stepping", "CPU revision"),
    "cpu_cache": ("cache size",),
}

_LIBRARY_SETTINGS = ("OMP_", "KMP_", "GOMP_", "MKL_", "ONEDNN_", "DNNL_", "ATEN_", "LD_PRELOAD")
_GPU_SETTINGS = ("CUDA_", "CUBLAS", "CUDNN_", "NVIDIA_", "TORCH", "PYTORCH_", "TRITON_")

# Of those of a GPU, what a container image says of itself, which GPU is to be seen (a fact of its
# own), where files are, and what is nobody's business: no reason why a time should differ.
_NO_SETTING = re.compile(
    r"VERSION|VISIBLE|DEVICE_ORDER|REQUIRE|CAPABILIT|PRODUCT|BUILD|ARCH_LIST|NVML"
    r"|HOME|PATH|_DIR|LOG|TRACE|TOKEN|SECRET|PASSW|KEY|CREDENTIAL|USER|HOST|URL"
)
_PLAIN = re.compile(r"[\w.,:;=+-]{0,200}", re.ASCII)

# How the machine was doing and how code is kept: no reason why a time should differ.
_INCIDENTAL = frozenset(
    {
        "host",
        "load_before",
        "memory_bytes",
        "memory_available_bytes",
        "git_commit",
        "opbench_commit",
    }
)


def unequal_facts(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of the facts that keep the times of two environments from being compared."""
    names = sorted((one.keys() | other.keys()) - _INCIDENTAL)
    return [name for name in names if one.get(name) != other.get(name)]


def system_facts(root: Path = Path("/")) -> dict[str, Any]:
    """Return the facts known without PyTorch.  ``root`` is where ``proc`` and ``sys`` are."""
    facts = [
        *_system(),
        *_processor(root),
        *_memory(root),
        *_limits(root),
        *_libraries(),
        *_commits(),
    ]
    return {key: value for key, value in facts if value is not None}


def _system() -> Iterator[tuple[str, Any]]:
    yield "host", platform.node() or None
    yield "os", platform.system()
    yield "kernel", platform.release()
    yield "python", platform.python_version()
    yield "machine", platform.machine()
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    yield "on_battery", None if battery is None else not battery.power_plugged


def _processor(root: Path) -> Iterator[tuple[str, Any]]:
    devices = root / "sys/devices/system/cpu"
    about = _cpuinfo(root)
    yield "cpu", about.get("model name") or platform.processor() or None
    for fact, keys in _IDENTITY.items():
        yield fact, next((about[key] for key in keys if key in about), None)
    yield "virtual_machine", "hypervisor" in about.get("flags", "").split() or None
    yield "cores", psutil.cpu_count(logical=False)
    yield "logical_cores", psutil.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        yield "affinity", sorted(os.sched_getaffinity(0))
    yield "governor", _word(devices / "cpu0/cpufreq/scaling_governor")
    yield "max_clock_khz", _number(devices / "cpu0/cpufreq/scaling_max_freq")
    yield "boost", _number(devices / "cpufreq/boost")
    yield "no_turbo", _number(devices / "intel_pstate/no_turbo")
    yield "smt", _number(devices / "smt/active")
    yield "load_before", psutil.getloadavg()[0]


def _memory(root: Path) -> Iterator[tuple[str, Any]]:
    memory = psutil.virtual_memory()
    yield "memory_bytes", memory.total
    yield "memory_available_bytes", memory.available
    pages = _word(root / "sys/kernel/mm/transparent_hugepage/enabled")
    yield "huge_pages", pages and pages.partition("[")[2].partition("]")[0]


def _limits(root: Path) -> Iterator[tuple[str, Any]]:
    """Yield the limits of a container, from control groups of version 2 or else version 1."""
    groups = root / "sys/fs/cgroup"
    quota, _, period = (_word(groups / "cpu.max") or "").partition(" ")
    quota = quota or _word(groups / "cpu/cpu.cfs_quota_us") or "max"
    period = period or _word(groups / "cpu/cpu.cfs_period_us") or "100000"
    yield "container_cores", int(quota) / int(period) if quota.isdecimal() else None
    limit = _number(groups / "memory.max") or _number(groups / "memory/memory.limit_in_bytes")
    # Version 1 writes "no limit" as the largest number of pages.
    yield "container_memory_bytes", limit if limit and limit < 1 << 60 else None


def _libraries() -> Iterator[tuple[str, Any]]:
    """Yield environment variables that steer the libraries under PyTorch."""
    for name, value in sorted(os.environ.items()):
        if name.startswith(_LIBRARY_SETTINGS) or _steers_a_gpu(name, value):
            yield f"env_{name}", value


def _steers_a_gpu(name: str, value: str) -> bool:
    known = name.startswith(_GPU_SETTINGS) and not _NO_SETTING.search(name)
    return known and _PLAIN.fullmatch(value) is not None


def _commits() -> Iterator[tuple[str, Any]]:
    yield "git_commit", _commit(Path.cwd())
    yield "opbench_commit", _commit(Path(__file__).parent)


def _commit(folder: Path) -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        said = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()


def _cpuinfo(root: Path) -> dict[str, str]:
    """Return Linux's entry of the first processor."""
    about: dict[str, str] = {}
    for line in (_word(root / "proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        about.setdefault(key.strip(), value.strip())
    return about


def _word(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _number(path: Path) -> int | None:
    word = _word(path)
    return int(word) if word and word.isdecimal() else None
