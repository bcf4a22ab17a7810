"""Files in the current folder that have the names of modules: no command imports them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# What ``python -m`` itself imports before it gives the package a turn.
_OF_PYTHON = {
    *("importlib", "warnings", "contextlib", "collections", "keyword", "operator", "reprlib"),
    *("functools", "types", "sys", "builtins"),
}
_ELSEWHERE = {"winreg", "msvcrt", "nt", "winsound", "msilib"}  # modules of other systems
_LIBRARIES = (
    *("torch", "numpy", "pandas", "typer", "rich", "psutil", "msgspec", "matplotlib", "plotly"),
    *("fvcore", "textalloc", "fontTools", "sitecustomize", "usercustomize"),
)
_NET = "import asyncio, csv, http.server\nfrom neighbour import build as net\n"
_NEIGHBOUR = "from torch import nn\n\ndef build():\n    return nn.Linear(4, 5)\n"
_QUICK = ("--rounds", "3", "--max-seconds", "0.05", "--results", "results")
_STARTS = {
    "script": ("-P", "-c", "from opbench.__main__ import main; main()"),
    "module": ("-m", "opbench"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a trap for every module that could be imported, and a target."""
    names = {name for name in sys.stdlib_module_names if not name.startswith("_")}
    for name in {*names, *_LIBRARIES} - _OF_PYTHON - _ELSEWHERE:
        (tmp_path / f"{name}.py").write_text(f"open('RAN {name}', 'w')\nraise SystemExit(9)\n")
    (tmp_path / "net.py").write_text(_NET)
    (tmp_path / "neighbour.py").write_text(_NEIGHBOUR)
    return tmp_path


@pytest.mark.parametrize("start", _STARTS)
def test_no_command_runs_what_lies_in_the_folder(folder: Path, start: str) -> None:
    for command in (
        ("list", "lenet5"),
        ("count", "squeezenet*", "--jobs", "2"),
        ("count", "net.py:net", "net:net", "--input-size", "4"),
        ("check", "--update", "lenet5", "net.py:net", "--input-size", "1x32x4"),
        ("check",),
        ("show", "lenet5", "--conventions"),
        ("run", "lenet5", *_QUICK),
        ("run", "net.py:net", "--input-size", "4", *_QUICK),
        ("runs", "--results", "results"),
        ("compare", "latest", "latest", "--results", "results"),
        ("plot", "accuracy-vs-ops", "top1", "--results", "results", "--output", "figures"),
        ("report", "--results", "results", "--output", "page.html"),
        ("claims", "--results", "results"),
        ("doctor",),
    ):
        done = subprocess.run(
            [sys.executable, *_STARTS[start], *command],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not list(folder.glob("RAN *")), command
        assert done.returncode in {0, 1}, (command, done.stderr)
        assert "Traceback" not in done.stderr, command
