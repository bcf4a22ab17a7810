"""Carry out requests in this process: quicker to start, but one network may disturb the next,
a crash ends the run, and rounds differ less than two runs would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from opbench.processes import asked
from opbench.processes.printed import stdout_to_stderr
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
        with stdout_to_stderr():
            reply = handle(request)
        return to_reply(json.loads(json.dumps(reply)))
