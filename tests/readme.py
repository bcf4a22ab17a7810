"""The README's generated blocks: each is the output of the command in its opening comment.

    <!-- opbench list --format markdown -->
    ... what that command prints ...
    <!-- end -->

``python -m tests.readme`` writes them anew; ``tests/test_readme.py`` fails when one is stale.  The
commands see the results that are committed and no others: a run of one's own does not make the
README stale.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from typer.testing import CliRunner

from opbench.cli import app

README = Path(__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"<!-- opbench (?P<command>.*?) -->\n(?P<body>.*?)<!-- end -->\n", re.DOTALL)


def generated(text: str) -> str:
    """``text`` with every generated block made anew.  Raises where a command fails."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        _copy_committed_results(Path(folder))
        return _BLOCK.sub(_block, text)


def _copy_committed_results(folder: Path) -> None:
    root = README.parent
    listed = subprocess.run(
        ["git", "ls-files", "results/*.csv", "results/runs"],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, folder / name)


def commands(text: str) -> list[str]:
    """The command of every generated block."""
    return [match["command"] for match in _BLOCK.finditer(text)]


def _block(match: re.Match[str]) -> str:
    result = CliRunner().invoke(app, shlex.split(match["command"]), catch_exceptions=False)
    if result.exit_code:
        raise RuntimeError(f"opbench {match['command']} failed: {result.stderr}")
    return f"<!-- opbench {match['command']} -->\n{result.stdout}<!-- end -->\n"


if __name__ == "__main__":
    README.write_text(generated(README.read_text(encoding="utf-8")), encoding="utf-8")
