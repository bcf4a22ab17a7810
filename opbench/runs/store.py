"""Run files below a results folder, by name and by age."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opbench.errors import BadFileError, either, near_matches
from opbench.files import files_in
from opbench.line_files import Damage, LineFile
from opbench.runs.lines import RUN, End, Header

LATEST = re.compile(r"latest(?:~(\d{1,6}))?")
# So many of the newest runs are named where another was asked for.
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile(LineFile[Header]):
    """A run file as read."""

    @property
    def name(self) -> str:
        """The run's name, by which it is asked for."""
        return self.header.run or self.path.stem

    @property
    def finished(self) -> bool:
        """True when the run came to its end."""
        return any(line.reason == "finished" for line in self.of(End))


def read_run(path: Path, *, summary: bool = False) -> RunFile:
    """Read one run file, or a summary without rounds and samples, which are most of its bytes.

    Raises ``BadFileError`` when it is missing or its header is damaged.
    """
    return RunFile.read(path, RUN, summary=summary)


def run_files(results: Path) -> list[Path]:
    """Return the run files below a results folder, oldest first.

    Empty ones are passed over: a run makes its file before it writes the first line, and there is
    nothing in one that was killed, or found the disk full, in between.
    Raises ``BadFileError`` where the folder cannot be read.
    """
    files = files_in(results / RUN.folder, ".jsonl")
    return [path for path in files if not path.exists() or path.stat().st_size]


def read_runs(results: Path, *, summary: bool = False) -> tuple[list[RunFile], tuple[Damage, ...]]:
    """Read every run below a results folder, oldest first, and list what could not be read.

    A ``summary`` of each is without its rounds and samples.
    """
    runs: list[RunFile] = []
    damages: list[Damage] = []
    for path in run_files(results):
        try:
            runs.append(read_run(path, summary=summary))
            damages += runs[-1].damages
        except BadFileError as error:
            reason = str(error).partition(": ")[2]
            damages.append(Damage(path=path, line=1, reason=f"the run is skipped: {reason}"))
    return runs, tuple(damages)


def find_run(results: Path, name: str = "latest") -> Path:
    """Return the run file called ``name``: a path, a name below ``results``, or one by age.

    ``latest`` is the newest below ``results``, ``latest~1`` the one before it.
    Raises ``BadFileError`` where there is none.
    """
    for path in (Path(name), results / RUN.folder / f"{name}.jsonl", results / RUN.folder / name):
        if os.path.isfile(path):  # noqa: PTH113  False, no error, in a folder that is closed to us
            return path
    files = run_files(results)
    if not files:
        raise BadFileError(f"there is no run in {results}: make one with `opbench run`")
    by_age = LATEST.fullmatch(name)
    back = int(by_age[1] or 0) if by_age else len(files)
    if back < len(files):
        return files[-1 - back]
    stems = [path.stem for path in files]
    near = [] if by_age else near_matches(name, ["latest", *stems], likeness=0.7)
    hint = f"; did you mean {either(near)}?" if near else f": it has {_some(stems, results)}"
    raise BadFileError(f"there is no run {name!r} in {results}{hint}")


def _some(stems: Sequence[str], results: Path) -> str:
    """Name the newest runs, and where the others are listed."""
    more = len(stems) - _NAMED
    others = f" and {more} more: `opbench runs --results {results}`" if more > 0 else ""
    return f"{', '.join(stems[-_NAMED:])}{others}"
