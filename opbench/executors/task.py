"""One shard on a node: an ordinary command line, which a node's end puts back into the queue.

Slurm signals a job that is preempted or out of time before it ends it, and submitit's handler puts
the job back.  Where something else kills a process, such as the kernel when memory is short, the
task ends with a shell's exit code for that signal, by which the job's script knows.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from submitit.core.utils import DelayedSubmission

from opbench import files
from opbench.processes.start import python

# Exit codes of a command that has answered: 1 where some cells failed, and their lines say why.
_ANSWERS = (0, 1)
# Seconds that a command may take to end its file in good order.
_GRACE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A command line of opbench; ``output``: a file for what it prints, "" for the job's log."""

    words: tuple[str, ...]
    output: str = ""

    def __call__(self) -> int:
        """Run the command and return its exit code, or exit with it where it has no answer."""
        command = python("from opbench.__main__ import main; main()", *self.words)
        printed = subprocess.PIPE if self.output else None
        process = subprocess.Popen(command, stdout=printed, preexec_fn=_ignore_signal_of_job)
        with _ended_with_this(process):
            text, _ = process.communicate()
        if process.returncode not in _ANSWERS:
            sys.exit(process.returncode if process.returncode > 0 else 128 - process.returncode)
        if self.output:
            files.write(Path(self.output), text)
        return process.returncode

    def checkpoint(self) -> DelayedSubmission:
        """Return what runs when the job starts again: the same, as files say what is left."""
        return DelayedSubmission(self)


def _ignore_signal_of_job() -> None:
    """Leave the signal to the parent, whose handler it is for: it would end the command."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


@contextmanager
def _ended_with_this(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Interrupt a command that runs when submitit's handler exits, and wait for its last line."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
