"""One statement, tried."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from opbench.claims import STATEMENTS, Evidence, Finding, try_on


@pytest.fixture
def tried() -> Callable[[str, Evidence], Finding]:
    """The one finding of a statement."""

    def try_one(key: str, given: Evidence) -> Finding:
        statements = [statement for statement in STATEMENTS if statement.key == key]
        (finding,) = try_on(given, statements)
        return finding

    return try_one
