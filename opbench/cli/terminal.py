"""Render for this process's terminal in another process.

describe()      what a worker has to know of the terminal, as JSON
stood_in(...)   in a worker: standard output that is like that terminal
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

from rich.console import Console

from opbench.cli.render import output


def describe() -> dict[str, Any]:
    """Describe standard output: whether it is a terminal, its width, and whether it is plain."""
    console = Console()
    return {"terminal": console.is_terminal, "width": console.width, "plain": output.plain}


@contextmanager
def stood_in(described: Mapping[str, Any]) -> Iterator[None]:
    """Let what is rendered fit the terminal that was described, until the context ends."""
    before = os.environ.get("COLUMNS"), output.plain
    os.environ["COLUMNS"], output.plain = str(described["width"]), described["plain"]
    try:
        with redirect_stdout(_StandIn(described["terminal"])):
            yield
    finally:
        _, output.plain = before
        if before[0] is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before[0]


class _StandIn(StringIO):
    """Stands for standard output, and says whether that is a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal
