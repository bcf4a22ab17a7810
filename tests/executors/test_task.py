"""One shard on a node: its exit code, and how it ends when its job does."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("submitit")

from opbench.executors import task
from opbench.executors.task import Task


@pytest.fixture
def shard(monkeypatch: pytest.MonkeyPatch) -> Task:
    """A task whose first word is Python to run instead of opbench."""
    monkeypatch.setattr(task, "python", lambda code, *words: [sys.executable, "-c", *words])
    return Task(words=("",))


def run(code: str, output: Path | None = None) -> int:
    return Task(words=(code,), output=str(output or ""))()


def test_the_words_are_a_command_line_of_opbench(tmp_path: Path) -> None:
    output = tmp_path / "rows.json"
    assert Task(words=("list", "lenet5", "--columns", "name"), output=str(output))() == 0
    assert output.read_text().split() == ["name", "lenet5"]


@pytest.mark.usefixtures("shard")
@pytest.mark.parametrize("code", [0, 1])
def test_a_command_that_has_answered_is_done(code: int) -> None:
    assert run(f"raise SystemExit({code})") == code


@pytest.mark.usefixtures("shard")
def test_one_without_an_answer_ends_the_task_with_its_code_and_leaves_no_output(
    tmp_path: Path,
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("print('half'); raise SystemExit(2)", tmp_path / "rows.json")
    assert ended.value.code == 2
    assert not (tmp_path / "rows.json").exists()


@pytest.mark.usefixtures("shard")
def test_one_that_was_killed_ends_it_as_a_shell_would() -> None:
    with pytest.raises(SystemExit) as ended:
        run("import os; os.kill(os.getpid(), 9)")
    assert ended.value.code == 137  # by which the job's script puts the job back


@pytest.mark.usefixtures("shard")
def test_the_signal_of_the_job_is_for_the_task_alone() -> None:
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGUSR2)") == 0


@pytest.mark.usefixtures("shard")
def test_a_command_is_interrupted_and_writes_its_last_line_when_the_task_ends(
    tmp_path: Path,
) -> None:
    ready, last = tmp_path / "ready", tmp_path / "last"
    code = (
        "import signal, time; from pathlib import Path\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"try:\n    Path({str(ready)!r}).touch(); time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    Path({str(last)!r}).touch()\n"
    )

    def end(number: int, frame: object) -> None:  # as submitit's handler does
        raise SystemExit(255)

    def signal_when_ready() -> None:
        while not ready.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGUSR2)

    before = signal.signal(signal.SIGUSR2, end)
    try:
        threading.Thread(target=signal_when_ready).start()
        with pytest.raises(SystemExit) as ended:
            run(code)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert ended.value.code == 255
    assert last.exists()


def test_what_starts_again_is_the_same(shard: Task) -> None:
    assert shard.checkpoint().function == shard
