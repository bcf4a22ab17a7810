"""The asking end of a side: fresh processes, and every way in which one may end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import opbench
from opbench.errors import BadValueError
from opbench.live.player import ForkPlayer, Ready, SideError, TimedBlock
from tests.builders import cell
from tests.live.serving import SPENT

PLAYED = {"serve": "tests.live.serving:serve", "preload": ["tests.live.serving"]}


@pytest.fixture(scope="module")
def player() -> Iterator[ForkPlayer]:
    with ForkPlayer(0.5, **PLAYED) as opened:  # type: ignore[arg-type]
        yield opened


def request_of(**wrong: Any) -> dict[str, Any]:
    return {"cell": cell().to_json(), **wrong}


def opened(player: ForkPlayer, **wrong: Any) -> Ready:
    player.open(request_of(**wrong), Path.cwd())
    return player.ready()


def test_each_side_is_a_fresh_process(player: ForkPlayer) -> None:
    pids = set()
    for _ in range(2):
        assert opened(player) == Ready(first_call_s=1.5)
        (seconds, pid), calls, *spent = player.block(0.125)
        assert (seconds, calls, *spent) == (0.125, 3, *SPENT.values())
        assert player.block(1.0) == TimedBlock((1.0, pid), 3, **SPENT)
        pids.add(pid)
        player.close()
    assert len(pids) == 2
    assert os.getpid() not in pids


@pytest.mark.parametrize("is_ready", [True, False])
def test_a_side_that_was_not_closed_makes_room_for_the_next(
    player: ForkPlayer, is_ready: bool
) -> None:
    player.open(request_of(), Path.cwd())
    if is_ready:
        player.ready()
    opened(player)
    assert player.block(0.125).calls == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"raises": "it is broken"}, "it is broken"),
        ({"dies": True}, "its process was killed by signal 11"),
        ({"hangs": True}, "it did not end within 0.5 s"),
    ],
)
def test_a_side_that_ends_says_why_and_the_next_one_plays(
    player: ForkPlayer, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(SideError, match=said):
        opened(player, **wrong)
        player.block(1.0)
    assert opened(player) == Ready(first_call_s=1.5)


def test_a_connection_that_was_left_is_not_taken_for_the_next_side(player: ForkPlayer) -> None:
    opened(player)
    player.close()
    with socket.socket(socket.AF_UNIX) as left:
        left.connect(player._address)
    assert opened(player) == Ready(first_call_s=1.5)


def test_a_side_that_cannot_be_killed_ends_with_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opbench.live.player._GRACE_S", 0.1)
    with ForkPlayer(0.2, **PLAYED) as player:  # type: ignore[arg-type]
        opened(player, hangs=True)
        kill, worker = os.kill, player._worker
        monkeypatch.setattr(os, "kill", lambda pid, how: pid == worker or kill(pid, how))
        with pytest.raises(SideError, match=r"it did not end within 0.2 s"):
            player.block(1.0)
        assert opened(player) == Ready(first_call_s=1.5)


def test_a_folder_with_too_long_a_path_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(BadValueError, match="set TMPDIR to a folder with a short path"):
        ForkPlayer(**PLAYED).__enter__()  # type: ignore[arg-type]
    assert not any(long.iterdir())


def test_a_server_that_does_not_start_is_a_reason() -> None:
    with (
        ForkPlayer(serve="no.such:function", preload=["no.such"]) as player,
        pytest.raises(SideError, match=r"the process that starts others ended: .*no"),
    ):
        opened(player)


NETS = """
import time
import torch


class Busy(torch.nn.Module):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def forward(self, x):
        end = time.thread_time() + self.seconds
        while x.device.type != "meta" and time.thread_time() < end:
            pass
        return x


def five():
    return Busy(0.005), (torch.zeros(1),)


def ten():
    return Busy(0.010), (torch.zeros(1),)
"""


@pytest.mark.slow  # starts five processes that import torch
def test_two_targets_of_known_times(tmp_path: Path) -> None:
    """The whole way, from the command to the file: twice the time is a ratio of two, but for what
    a call costs that does nothing."""
    (tmp_path / "nets.py").write_text(NETS)
    words = ["compare", "nets.py:five", "nets.py:ten", "--max-seconds", "20", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "opbench", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["verdict"] == "SLOWER"
    assert row["ratio"] == pytest.approx(2, rel=0.05)


SLEEPING = """
import time
import torch


class Sleeping(torch.nn.Module):
    def forward(self, x):
        if x.device.type != "meta":
            time.sleep({seconds})
        return x


def net():
    return Sleeping(), (torch.zeros(1),)

"""


def committed(folder: Path) -> None:
    """Commit all files of ``folder``, a new repository."""
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)


@pytest.mark.slow  # starts five processes that import torch
@pytest.mark.parametrize("layout", ["plain", "entry point", "installed copy"])
def test_a_slowdown_since_a_commit_is_found(tmp_path: Path, layout: str) -> None:
    """Also where the servers have imported the package before, for its entry point; a copy that is
    installed elsewhere is the same in every commit, and refused."""
    project, site = tmp_path / "project", tmp_path / "site-packages"
    module = project / "src/sleepers/nets.py"
    module.parent.mkdir(parents=True)
    (module.parent / "__init__.py").write_text("")
    module.write_text(SLEEPING.format(seconds=0.001))
    committed(project)
    module.write_text(SLEEPING.format(seconds=0.003))
    site.mkdir()
    if layout == "entry point":
        info = site / "sleepers-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sleepers\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[opbench.architectures]\na = sleepers.specs:ALL\n")
        (module.parent / "specs.py").write_text(SPECS)
    if layout == "installed copy":
        shutil.copytree(module.parent, site / "sleepers")
    source = [] if layout == "installed copy" else [str(project / "src")]
    path = os.pathsep.join([*source, str(site), str(Path(opbench.__file__).parents[1])])
    words = ["compare", "sleepers.nets:net", "--against", "HEAD", "--max-seconds", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "opbench", *words, "--format", "json"],
        cwd=project,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 1, done.stderr
    (row,) = json.loads(done.stdout)
    if layout == "installed copy":
        assert row["verdict"] == "FAILED"
        assert "was imported from" in row["note"]
    else:
        assert row["verdict"] == "SLOWER"
        assert row["ratio"] > 2


SPECS = """
from opbench.spec import ArchitectureSpec, Paper
from sleepers import nets

ALL = (
    ArchitectureSpec(
        name="sleeper",
        label="Sleeper",
        family="Sleepers",
        year=2026,
        input_size=(3, 4, 4),
        dataset="none",
        paper=Paper(title="Sleep", authors="A", venue="Bed", year=2026, url="https://example.org"),
        build=nets.Sleeping,
    ),
)
"""
