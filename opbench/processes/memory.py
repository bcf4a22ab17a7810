"""Tell how much memory is free, on this machine and in the container, and that there is too little.

A container has less than its machine: each control group that a process is in, and each above it,
may have a limit, beyond which the kernel kills.  What files have left in the cache counts as used
there, and is given up before that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from opbench.errors import message_of

_NO_MEMORY = ("allocate memory", "out of memory", "bad_alloc", "not enough memory")

# Below the folder of control groups, of version 2 and of version 1: limit, use, and the words with
# which the part of it that is cache begins.
_LIMITS = {
    "sys/fs/cgroup": ("memory.max", "memory.current", ("inactive_file ", "active_file ")),
    "sys/fs/cgroup/memory": (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_inactive_file ", "total_active_file "),
    ),
}


def available_memory(root: Path = Path("/")) -> int:
    """Return the bytes that may still be taken.

    ``root`` is where ``proc`` and ``sys`` are.
    """
    return min([psutil.virtual_memory().available, *_left_in_groups(root)])


def is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether memory, a device's too, ran out."""
    return isinstance(error, MemoryError) or any(words in message_of(error) for words in _NO_MEMORY)


def _left_in_groups(root: Path) -> Iterator[int]:
    for folder, (limit, used, cache) in _LIMITS.items():
        for group in _groups(root, folder):
            try:
                most = int((group / limit).read_text())
                stat = (group / "memory.stat").read_text().splitlines()
                cached = sum(int(line.split()[1]) for line in stat if line.startswith(cache))
                yield max(0, most - int((group / used).read_text()) + cached)
            except (OSError, ValueError):
                # No such group, or the limit is the word "max".
                continue


def _groups(root: Path, folder: str) -> Iterator[Path]:
    """Yield the control group of this process and those above it, as far as they are visible."""
    controller = "memory" if folder.endswith("memory") else ""
    top = root / folder
    yield top
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            inner = top / path.lstrip("/")
            yield from (each for each in (inner, *inner.parents) if top in each.parents)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
