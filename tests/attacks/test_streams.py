"""Standard streams that are full, closed or narrow, and a current folder that is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

_START = [sys.executable, "-P", "-c", "from opbench.__main__ import main; main()"]
_SAYING_THAT_IT_STARTS = (
    "from opbench.__main__ import main; import sys; sys.stderr.write('.'); main()"
)
_COUNT = pytest.param(("count", "lenet5"), marks=pytest.mark.slow)
_COMMANDS = [("list",), ("--help",), ("check", "--help"), _COUNT]


def _run(
    *args: str,
    redirected: str = "",
    stdout: int = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command from a shell that redirects its streams."""
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", *_START, *args],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        env=env,
    )
    assert "Traceback" not in f"{done.stdout}{done.stderr}"
    return done


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", _COMMANDS)
def test_a_full_disk_is_a_sentence(command: tuple[str, ...]) -> None:
    done = _run(*command, redirected="> /dev/full")
    assert done.returncode == 2
    assert done.stderr == "error: standard output: No space left on device\n"


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_reader_that_has_left_is_a_sentence(command: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = _run(*command, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (2, "error: standard output: Broken pipe\n")


def test_a_closed_standard_output_is_a_sentence() -> None:
    done = _run("list", redirected=">&-")
    assert (done.returncode, done.stderr) == (2, "error: standard output is closed\n")


@pytest.mark.slow
def test_closed_standard_error_and_input_do_not_matter() -> None:
    done = _run("count", "lenet5", "--format", "csv", redirected="2>&- <&-")
    assert done.returncode == 0 and "325680" in done.stdout


def test_what_the_encoding_does_not_hold_is_escaped() -> None:
    done = _run("list", "lenet\u2192", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2 and "lenet\\u2192" in done.stderr
    done = _run("claims", "--help", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and done.stdout.isascii()


def test_a_current_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    script = 'cd "$0"; rmdir "$0"; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, str(tmp_path), *_START, "check"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr == "error: the current folder: No such file or directory\n"


_ERROR_OF_AN_INTERRUPT = """
import os, signal, time
from opbench import __main__, cli

def run():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    except KeyboardInterrupt:
        raise RuntimeError("the library was disturbed")

cli.main = run
__main__.main()
"""


def test_an_interrupt_that_a_library_makes_an_error_of_is_an_interrupt() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ERROR_OF_AN_INTERRUPT],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        *(("list",), ("count", "resnet*"), ("check", "lenet5"), ("show", "lenet5"), ("claims",)),
        *(("plot", "top1", "accuracy-vs-ops"), ("report",), ("run", "lenet5"), ("doctor",)),
    ],
)
def test_an_interrupt_at_any_moment_ends_with_130(command: tuple[str, ...], tmp_path: Path) -> None:
    for seconds in (0.1, 0.3, 0.7, 1.5, 3.0):
        process = subprocess.Popen(
            [*_START[:-1], _SAYING_THAT_IT_STARTS, *command],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr and process.stderr.read(1) == "."
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        # It may have been done, or have found what it could not do.
        assert process.returncode in {0, 1, 2, 130}, said
        assert process.returncode != 130 or "interrupted" in said
        assert "Traceback" not in said


@pytest.mark.slow
def test_what_a_scheduler_ends_leaves_no_temporary_folder(tmp_path: Path) -> None:
    own = tmp_path / "temporary"
    own.mkdir()
    process = subprocess.Popen(
        [*_START, "run", "lenet5", "--runtime", "onnxruntime"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(own)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(own.glob("opbench-*/*/*/*.onnx")):  # converted
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert list(own.glob("opbench-*")) == []


_LOST = """
import os, select, signal, sys
from opbench.__main__ import _interrupt_again

sys.unraisablehook = _interrupt_again

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        [number for number in range(1000)]

try:
    Dying()
    select.poll().poll(60_000)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_that_a_destructor_swallowed_ends_a_wait() -> None:
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _LOST], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
    assert time.monotonic() - start < 30  # not the whole minute
