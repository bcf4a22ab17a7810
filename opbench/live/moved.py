"""Ask workers for targets as they were in a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from opbench.runs.pool import Reply, Workers


@dataclass(frozen=True, slots=True)
class MovedWorkers:
    """Workers whose requests say from where to where modules moved."""

    workers: Workers
    moved: tuple[str, ...]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def start_s(self) -> float:
        """Seconds that starting afresh took last."""
        return self.workers.start_s

    def renew(self) -> None:
        """Start afresh."""
        self.workers.renew()

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request with modules from where they moved."""
        return self.workers.ask({**request, "moved": self.moved})
