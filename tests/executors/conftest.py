"""Commands of Slurm that only note what they are asked, and a real cluster for the slow tests."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.executors import cluster

# Each queue is shown once: the first look sees the first, and so on; then there is none.
_COMMANDS = {
    "sbatch": 'cp "${{@: -1}}" {folder}/script; echo "Submitted batch job 7"',
    "srun": "exit 1",
    "scancel": 'echo "$@" >> {folder}/cancelled',
    "squeue": """
first=$(ls {folder}/queues | head -n 1)
[ -n "$first" ] || exit 0
mv {folder}/queues/$first {folder}/shown
grep -q error {folder}/shown && cat {folder}/shown >&2 && exit 1
cat {folder}/shown
""",
}


@dataclass(frozen=True)
class Noted:
    """What was asked of Slurm, in a folder."""

    folder: Path

    def queues(self, *shown: str) -> None:
        """Let Slurm show these queues, one after the other, in squeue's form."""
        for number, lines in enumerate(shown):
            (self.folder / "queues" / f"{number:03}").write_text(lines)

    @property
    def script(self) -> list[str]:
        """The lines of the script that was submitted, none where none was."""
        path = self.folder / "script"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def options(self) -> list[str]:
        """The options of sbatch in it."""
        prefix = "#SBATCH "
        return [line.removeprefix(prefix) for line in self.script if line.startswith(prefix)]

    @property
    def cancelled(self) -> str:
        """What was to be cancelled."""
        path = self.folder / "cancelled"
        return path.read_text().strip() if path.exists() else ""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Noted:
    """A machine whose Slurm takes every job and forgets it."""
    folder = tmp_path / "slurm"
    (folder / "queues").mkdir(parents=True)
    for name, body in _COMMANDS.items():
        script = folder / name
        script.write_text(f"#!/bin/bash\n{body.format(folder=shlex.quote(str(folder)))}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return Noted(folder)


@pytest.fixture(scope="session")
def real_slurm() -> Iterator[cluster.Cluster]:
    """A cluster of this machine alone, which other users may use."""
    if lacking := cluster.missing():
        pytest.skip(f"Slurm is not installed ({lacking} missing): apt-get install slurmctld slurmd")
    with TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        running = cluster.start(Path(folder))
        try:
            yield running
        finally:
            running.stop()
