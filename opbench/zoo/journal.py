"""The counts of an update that is not finished, so that the next one goes on from there.

One line of JSON for each network that was counted, beside the file that will hold the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opbench import files
from opbench.line_files import LineFormat
from opbench.record import Totals
from opbench.value import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Totals):
    """The counts of one network; ``by`` says by which releases and rule, ``key`` of which."""

    by: Text
    key: Text
    uncounted: tuple[str, ...]


_LINES = LineFormat(
    what="journal",
    folder="",
    version=1,
    header=Counted,
    kinds={"counted": Counted},
    go_on="repeat the command",
)


class Journal:
    """The counts in the file ``path`` that were made ``by`` the same releases and rule."""

    def __init__(self, path: Path, by: str) -> None:
        """Read the file, where there is one; half a line, which a kill leaves, is no count."""
        self._path, self._by = path, by
        self.counted = {each.key: each for each in _read(path) if each.by == by}

    @contextmanager
    def appending(self) -> Iterator[files.Appender]:
        """Open the file to ``add`` to it.  Raises ``BadFileError`` where another update does."""
        with files.Appender(self._path, go_on=_LINES.go_on) as file:
            yield file

    def add(self, file: files.Appender, key: str, counts: dict[str, Any]) -> None:
        """Append the counts of one network."""
        found = Counted.from_json({**counts, "by": self._by, "key": key})
        file.append(_LINES.encode(found))
        self.counted[key] = found

    def remove(self) -> None:
        """Delete the file: its counts are in the rows."""
        files.remove(self._path)


def _read(path: Path) -> Iterator[Counted]:
    try:
        lines = files.read(path).splitlines() if path.exists() else []
    except OSError as error:
        raise files.bad_line(path, 1, f"it cannot be read ({error.strerror}): remove it") from None
    for line in lines:
        try:
            found = _LINES.decode(line)
        except ValueError:
            continue
        if isinstance(found, Counted):
            yield found
