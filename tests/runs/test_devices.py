"""One run at a time on a device: a second is refused or waits, and the dead hold nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opbench.errors import OpbenchError
from opbench.runs import devices
from opbench.runs.devices import hold_devices

HOLDER = """
import sys, time
from pathlib import Path
from opbench.runs import devices

devices.LOCAL = Path(sys.argv[1])
gpus = {"cuda:0": "GPU-1"}
with devices.hold_devices(sys.argv[3:], gpus, Path(sys.argv[2]), wait=True, tell=print):
    print("held", flush=True)
    time.sleep(600)
"""
Hold = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that all processes of this host share."""
    monkeypatch.setattr(devices, "LOCAL", tmp_path / "local")
    return tmp_path / "local"


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Start a process that holds devices until it is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(local: Path, results: Path, *names: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(local), str(results), *names]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout and process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def take(results: Path, *names: str, wait: bool = False) -> list[str]:
    """Hold devices for a moment, and return what was told."""
    told: list[str] = []
    with hold_devices(names, {"cuda:0": "GPU-1"}, results, wait=wait, tell=told.append):
        pass
    return told


def test_a_second_run_on_a_device_is_refused_while_the_first_lives(
    local: Path, tmp_path: Path, hold: Hold
) -> None:
    first = hold(local, tmp_path / "one", "cpu")
    with pytest.raises(OpbenchError, match=rf"cpu \(process {first.pid} on .+, since 20.+--wait"):
        take(tmp_path / "two", "cpu")
    assert take(tmp_path / "two", "cuda:0") == []
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert take(tmp_path / "two", "cpu") == []
    assert not [*local.iterdir(), *(tmp_path / "two").iterdir()]


def test_a_shared_folder_keeps_containers_apart(local: Path, tmp_path: Path, hold: Hold) -> None:
    """They share no temporary folder; a GPU is the same by its UUID, whatever its number."""
    hold(tmp_path / "another", tmp_path / "shared", "cuda:0")
    with (
        pytest.raises(OpbenchError, match="timing on cuda:3"),
        hold_devices(["cuda:3"], {"cuda:3": "GPU-1"}, tmp_path / "shared", wait=False, tell=print),
    ):
        pass
    assert take(tmp_path / "elsewhere", "cuda:0") == []
    assert not list(local.iterdir())


def test_a_run_that_waits_begins_when_the_other_ends(
    local: Path, tmp_path: Path, hold: Hold
) -> None:
    """The first is killed once the second has said that it waits."""
    first = hold(local, tmp_path, "cpu")
    told: list[str] = []

    def tell(message: str) -> None:
        told.append(message)
        assert first.poll() is None
        first.kill()

    with hold_devices(["cpu"], {}, tmp_path, wait=True, tell=tell) as waited:
        assert waited
        assert first.wait() == -signal.SIGKILL
    (only,) = told
    assert only.startswith(f"waiting for another run on cpu (process {first.pid} on ")


def test_a_device_named_twice_is_held_once(local: Path) -> None:
    gpus = {"cuda": "GPU-1", "cuda:0": "GPU-1"}
    with hold_devices(["cuda", "cuda:0", "cpu", "cpu"], gpus, local, wait=False, tell=print):
        assert len(list(local.iterdir())) == 2
    assert not list(local.iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root may be another user")
def test_another_user_s_run_is_noticed(tmp_path: Path, hold: Hold) -> None:
    """In a folder like /tmp, whose files only their owner may remove."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o1777)
        first = hold(Path(folder), tmp_path, "cpu")
        code = HOLDER.replace("gpus =", "import os; os.setuid(65534); gpus =")
        asked = [sys.executable, "-c", code.replace("wait=True", "wait=False"), folder, folder]
        refused = subprocess.run([*asked, "cpu"], capture_output=True, text=True, check=False)
        assert f"timing on cpu (process {first.pid} on" in refused.stderr


def test_a_folder_without_locks_is_told(
    local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(devices, "lock_file", no_locks)
    told = take(tmp_path, "cpu")
    assert len(told) == 2
    assert all(
        "(No locks available): another run on cpu would not be noticed" in each for each in told
    )


def test_a_lock_that_cannot_be_taken_is_told(local: Path, tmp_path: Path) -> None:
    """As where somebody has put a link in its place, or the temporary folder is closed."""
    local.symlink_to(tmp_path / "file")
    (tmp_path / "file").write_text("")
    (told,) = take(tmp_path / "results", "cpu")
    assert "another run on cpu would not be noticed" in told
