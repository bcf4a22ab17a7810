"""The asking end of a side: fresh processes, and every way in which one may end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
