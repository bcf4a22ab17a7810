"""The generated parts of README.md and ``results/*.md``.

A table is the output of the command in its opening comment:

    <!-- opbench list --format markdown -->
    ...
    <!-- end -->

A session shows its commands, each followed by what it printed on stdout.  A fence of Python that
begins with the name of a file is that file:

    <!-- session -->
    $ opbench check
    ...
    <!-- end -->

``python -m tests.documents`` writes them anew; ``tests/test_documents.py`` fails when one is stale.
The commands see the committed results only: a newcomer's own runs make no document stale.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from typer.testing import CliRunner

from opbench.cli import app

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCUMENTS = (README, *sorted((ROOT / "results").glob("*.md")))

_TABLE = re.compile(r"<!-- opbench (?P<command>.*?) -->\n(?P<body>.*?)<!-- end -->\n", re.DOTALL)
_SESSION = re.compile(r"<!-- session -->\n(?P<body>.*?)<!-- end -->\n", re.DOTALL)
FILE = re.compile(r"^```python\n(?P<text># (?P<name>\w+\.py)\b.*?)```$", re.DOTALL | re.MULTILINE)


def generated(text: str) -> str:
    """Return ``text`` with every generated part made anew.  Raises where a command fails."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        _copy_committed_results(Path(folder))
        for file in FILE.finditer(text):
            Path(file["name"]).write_text(file["text"], encoding="utf-8")
        return _SESSION.sub(_session, _TABLE.sub(_table, text))


def commands(text: str) -> list[str]:
    """List the commands of the generated tables."""
    return [match["command"] for match in _TABLE.finditer(text)]


def _copy_committed_results(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "results/*.csv", "results/runs"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def _table(match: re.Match[str]) -> str:
    result = CliRunner().invoke(app, shlex.split(match["command"]), catch_exceptions=False)
    if result.exit_code:
        raise RuntimeError(f"opbench {match['command']} failed: {result.stderr}")
    return f"<!-- opbench {match['command']} -->\n{result.stdout}<!-- end -->\n"


def _session(match: re.Match[str]) -> str:
    lines = [line for line in match["body"].splitlines() if line.startswith("$ ")]
    shown = "".join(f"{line}\n{_printed(line.removeprefix('$ '))}" for line in lines)
    return f"<!-- session -->\n```console\n{shown}```\n<!-- end -->\n"


def _printed(command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command} failed: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(generated(document.read_text(encoding="utf-8")), encoding="utf-8")
