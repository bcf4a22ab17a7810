"""Workers that are this process, for tests that answer for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from opbench.runs.pool import Reply


class FakeWorkers:
    """Workers whose start took ``start_s`` and whose ``ask`` a test writes."""

    def __init__(self, start_s: float = 0.0) -> None:
        self.start_s = start_s
        self.renewed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def renew(self) -> None:
        self.renewed += 1

    def ask(self, request: Mapping[str, Any]) -> Reply:
        raise NotImplementedError
