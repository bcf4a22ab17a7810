"""Types of the fixtures that more than one file uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

Opbench = Callable[..., Result]
Rows = Callable[..., list[dict[str, Any]]]
Write = Callable[[str, str], Path]
