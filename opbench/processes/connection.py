"""Start a fork server, send it requests and read what it says."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from opbench.processes.start import python

Json = dict[str, Any]

# Where a package that a server imports asks torch for GPUs, no context comes of it: CUDA cannot be
# used in forks of a process that has one.
_HARMLESS = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
_START = "from opbench.processes.server import main; main(json.loads(sys.argv.pop()))"


class Server:
    """One fork server, started when it is first asked.

    ``start_s``: seconds that its last start took, 0 before it was ready.  ``environment``:
    variables that it has unless this process has them.
    """

    def __init__(
        self,
        preload: Sequence[str],
        *,
        threads: int | None = None,
        errors: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._preload, self._errors = preload, errors
        self._environment = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        self._environment |= environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._started_at = 0.0
        self.ready = False
        self.start_s = 0.0

    @property
    def pid(self) -> int | None:
        """The process of the server, None where it was not started."""
        return self._process.pid if self._process else None

    def last_words(self) -> str:
        """Return the last line that it or a worker wrote to ``errors``, after a colon."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1].strip()}" if lines else ""

    def watch(self, poll: select.poll) -> tuple[int, int]:
        """Let ``poll`` wake up when it says something or ends; return the two descriptors.

        A worker keeps the pipe open that both write to: only the other tells that a server died.
        """
        assert self._process and self._process.stdin and self._process.stdout
        spoken, ended = self._process.stdout.fileno(), self._process.stdin.fileno()
        poll.register(spoken, select.POLLIN)
        poll.register(ended, 0)
        return spoken, ended

    def start(self) -> None:
        """Start it, unless it runs; it is ready later."""
        if self._process is None:
            self._started_at = time.monotonic()
            # Its own session: Ctrl-C is for this process, which knows what to do about it.
            self._process = subprocess.Popen(
                python(_START, json.dumps(list(self._preload))),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_HARMLESS | self._environment | os.environ,
                start_new_session=True,
            )

    def send(self, request: Json) -> None:
        """Send a request."""
        self.start()
        assert self._process is not None and self._process.stdin is not None
        with suppress(BrokenPipeError):  # it was killed: ``receive`` tells
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self) -> list[Json] | None:
        """Return what it said meanwhile, None where it has ended; call it when ``poll`` woke up."""
        assert self._process and self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], 0)
        chunk = os.read(self._process.stdout.fileno(), 1 << 16) if readable else b""
        if not chunk:
            return None
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        said = [message for line in lines if (message := _parsed(line))]
        for message in said:
            if "ready" in message:
                self.ready, self.start_s = True, message["ready"] - self._started_at
        return said

    def kill(self) -> None:
        """Kill it, and leave it to ``receive`` to find that out."""
        if self._process:
            self._process.kill()

    def stop(self) -> int:
        """End it with all that it started, and return its exit status."""
        process, self._process, self._buffer, self.ready = self._process, None, b"", False
        if process is None:
            return 0
        ended = process.poll()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        process.wait()
        return process.returncode if ended is None else ended


def _parsed(line: bytes) -> Json:
    """Read a line; of one that a killed worker left half written there is nothing to read."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
