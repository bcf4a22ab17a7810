"""Carry out requests in this process: quicker to start, but one network may disturb the next,
a crash ends the run, and rounds differ less than two runs would."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, Self

from opbench.processes import asked
from opbench.runs.pool import Reply, to_reply
from opbench.runs.worker import handle


class InProcess:
    """Workers that are this process; replies pass through JSON as a worker's do."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def start_s(self) -> float:
        """Nothing: this process runs already."""
        return 0.0

    def renew(self) -> None:
        """Do nothing: there is no process to renew."""

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request here; what a network prints goes to standard error."""
        asked.now()
        with redirect_stdout(sys.stderr), _descriptor_too():
            reply = handle(request)
        return to_reply(json.loads(json.dumps(reply)))


@contextmanager
def _descriptor_too() -> Iterator[None]:
    """Let descriptor 1, which compiled code writes to, be standard error until the context ends."""
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(ours, 1)
        os.close(ours)
