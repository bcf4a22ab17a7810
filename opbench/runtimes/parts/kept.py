"""Keep what was made of a network for as long as a run lasts: a fresh process only loads it.

What a process was killed at is never taken for whole: it is moved to its place when it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from opbench.runtimes.runtime import ExecutionSettings

_WHOLE = "whole"


@contextmanager
def artefact(settings: ExecutionSettings, make: Callable[[Path], None]) -> Iterator[Path]:
    """Yield the folder of an artefact: the one that is kept, else one that ``make`` fills."""
    kept = settings.folder / _WHOLE if settings.folder else None
    if kept and kept.is_dir():
        yield kept
        return
    if settings.folder:
        settings.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="opbench-", dir=settings.folder) as folder:
        making = Path(folder) / _WHOLE
        making.mkdir()
        make(making)
        if kept is None:
            yield making
            return
        # Another process may have been as quick.
        with suppress(OSError):
            making.rename(kept)
    yield kept


def bytes_on_disk(folder: Path) -> int:
    """Return the bytes of all files in ``folder``."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
