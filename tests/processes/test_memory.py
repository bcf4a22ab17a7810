"""The memory that is left, on a machine and in a container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from opbench.processes.memory import available_memory


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with 1000 bytes free, whose control groups are the test's to write."""
    free = SimpleNamespace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    return tmp_path


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


def _group(folder: str, limit: str, used: int, cached: int = 0) -> dict[str, str]:
    stat = f"anon 5\ninactive_anon 3\ninactive_file {cached}\nactive_file 0"
    return {
        f"sys/fs/cgroup{folder}/memory.max": limit,
        f"sys/fs/cgroup{folder}/memory.current": str(used),
        f"sys/fs/cgroup{folder}/memory.stat": stat,
    }


def test_without_containers_all_that_is_free_is_left(machine: Path) -> None:
    assert available_memory(machine) == 1000
    _write(machine, _group("", limit="max", used=400))
    assert available_memory(machine) == 1000


def test_a_container_leaves_what_is_below_its_limit_and_cached_files_give_way(
    machine: Path,
) -> None:
    _write(machine, _group("", limit="600", used=450))
    assert available_memory(machine) == 150
    _write(machine, _group("", limit="600", used=450, cached=100))
    assert available_memory(machine) == 250


def test_the_tightest_of_the_groups_around_a_process_counts(machine: Path) -> None:
    _write(
        machine,
        {
            "proc/self/cgroup": "0::/user/shell",
            **_group("/user", limit="500", used=300),
            **_group("/user/shell", limit="max", used=100),
            **_group("/other", limit="1", used=1),
        },
    )
    assert available_memory(machine) == 200


def test_control_groups_of_the_first_version_are_read_too(machine: Path) -> None:
    folder = "sys/fs/cgroup/memory/docker"
    _write(
        machine,
        {
            "proc/self/cgroup": "9:name=systemd:/docker\n4:memory:/docker\n0::/",
            f"{folder}/memory.limit_in_bytes": "700",
            f"{folder}/memory.usage_in_bytes": "600",
            f"{folder}/memory.stat": "inactive_file 1\ntotal_inactive_file 20\ntotal_active_file 3",
        },
    )
    assert available_memory(machine) == 123


def test_a_container_that_is_full_leaves_nothing(machine: Path) -> None:
    _write(machine, _group("", limit="600", used=650))
    assert available_memory(machine) == 0
