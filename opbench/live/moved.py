"""Ask for targets as they were in a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opbench.runs.pool import Handler, Reply


@dataclass(frozen=True, slots=True)
class MovedTargets:
    """Carries out requests with modules from where they moved."""

    handler: Handler
    moved: tuple[str, ...]

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request."""
        return self.handler.ask({**request, "moved": self.moved})
