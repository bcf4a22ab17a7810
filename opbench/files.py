"""Read and write files; the only module that writes.

    write(path, data)       replace a file, whole or not at all
    Appender(path)          append lines to a file that no other process appends to
    locked(path)            keep other processes from updating a file meanwhile
    files_in(folder, ...)   the files of a folder
    remove(path)            delete a file
    read(path)              a file whole, unless it has no end
    read_rows(path, ...)    a CSV file row by row

Every error is a ``BadFileError`` that names the file, the line where there is one, and a remedy.
"""

from __future__ import annotations

import csv
import errno
import io
import math
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO, NoReturn, Self, TypeVar

from opbench.errors import BadFileError
from opbench.escapes import printable
from opbench.locks import AVAILABLE, lock, lock_file
from opbench.locks import in_use as in_use

T = TypeVar("T")

# Files that are being written: characters of the name of the one to be, and how their own end.
_LONGEST = 50
_SUFFIX = ".opbench"


def write(path: Path, data: bytes | str, *, remedy: str = "choose another folder") -> None:
    """Replace ``path`` with ``data``, whole or not at all; its folder is made.

    A link stays a link to the file; a device or a pipe takes the data as it comes.
    Raises ``BadFileError`` ending in ``remedy`` where that cannot be done.
    """
    # Half of a character, from a name that is none in UTF-8, is written as its escape.
    raw = data.encode(errors="backslashreplace") if isinstance(data, str) else data
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(raw)
        else:
            _replace(path.resolve() if path.is_symlink() else path, raw)
    except OSError as error:
        raise BadFileError(f"{path} cannot be written: {error.strerror}; {remedy}") from None


def _replace(path: Path, raw: bytes) -> None:
    """Write a file beside ``path``, of a name that no other process has, and give it its name.

    The file is locked until then: one that is not was left by a process that was killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left(path)
    file = _beside(path)
    try:
        with file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
            _keep_mode(Path(file.name), path)
            if os.name == "nt":  # where no file that is open is renamed
                file.close()
            Path(file.name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(file.name).unlink()
        raise


def _beside(path: Path) -> IO[bytes]:
    """Open and lock a new file beside ``path``, hidden and called after it."""
    while True:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115  the caller closes it
            prefix=_prefix(path), suffix=_SUFFIX, dir=path.parent, delete=False
        )
        lock(file)
        # Before it was locked, another process may have taken it for one that was left.
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def _remove_left(path: Path) -> None:
    """Remove what processes left beside ``path`` that were killed while they wrote it."""
    left = path.parent.glob(f"{escape(_prefix(path))}*{_SUFFIX}") if AVAILABLE else ()
    for each in filter(Path.is_file, left):
        with suppress(OSError), each.open("rb") as file:
            lock(file, wait=False)
            each.unlink()


def _prefix(path: Path) -> str:
    return f".{path.name[:_LONGEST]}."


def _keep_mode(new: Path, old: Path) -> None:
    """Give ``new`` the permissions of ``old``, or those of any new file."""
    if old.exists():
        mode = old.stat().st_mode & 0o777
    else:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    new.chmod(mode)


@contextmanager
def locked(path: Path, *, remedy: str = "choose another folder") -> Iterator[None]:
    """Keep other processes that ask for the same from updating ``path`` until the end.

    Raises ``BadFileError`` ending in ``remedy`` where its folder cannot be written to.
    """
    beside = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = lock_file(beside)
    except OSError as error:
        raise BadFileError(f"{path} cannot be written: {error.strerror}; {remedy}") from None
    with file:
        try:
            yield
        finally:
            with suppress(OSError):
                beside.unlink()


def files_in(folder: Path, suffix: str) -> list[Path]:
    """Return the files of ``folder`` that end in ``suffix``, sorted; none where it is missing.

    Raises ``BadFileError`` where it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == suffix)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadFileError(
            f"the folder {folder} cannot be read: {error.strerror}; make it readable, or choose "
            "another with --results"
        ) from None


def remove(path: Path) -> None:
    """Delete a file.  Raises ``BadFileError``."""
    try:
        path.unlink()
    except OSError as error:
        raise BadFileError(f"{path} cannot be deleted: {error.strerror}") from None


_RESUME = "continue with `opbench run --resume`"


class Appender:
    """Appends whole lines to a file that is its own as long as it is open."""

    def __init__(self, path: Path, *, size: int | None = None, go_on: str = _RESUME) -> None:
        """Open ``path``, which had ``size`` bytes when it was read.

        ``go_on`` says how to continue after a full disk.  Raises ``BadFileError`` where another
        process is writing it, or has since.
        """
        self.path, self._go_on = path, go_on
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise BadFileError(f"{path} cannot be written: {error.strerror}") from None
        self._own()
        if size not in (None, path.stat().st_size):
            self._refuse()
        if path.stat().st_size and not _ends_with_newline(path):
            # What a kill left of its last line must not run into the next one.
            try:
                self._write(b"\n")
            except BadFileError:
                self._file.close()
                raise

    @classmethod
    def create(cls, folder: Path, stem: str, *, go_on: str = _RESUME) -> Self:
        """Open a new file ``stem.jsonl`` in ``folder``, or ``stem-2.jsonl`` where that exists.

        Raises ``BadFileError`` where it cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in _free_names(folder, stem):
                try:
                    path.touch(exist_ok=False)
                except FileExistsError:
                    continue
                return cls(path, go_on=go_on)
        except OSError as error:
            raise BadFileError(
                f"no file can be created in {folder}: {error.strerror}; "
                "choose another folder with --results"
            ) from None
        raise AssertionError("the names never end")

    def _own(self) -> None:
        try:
            lock(self._file, wait=False)
        except OSError:
            self._refuse()

    def _refuse(self) -> NoReturn:
        self._file.close()
        raise BadFileError(
            f"{self.path} is being written by another process: wait for it, or start anew"
        ) from None

    def append(self, line: bytes) -> None:
        """Append ``line`` and its end, and bring both to the disk.

        Raises ``BadFileError`` on a full disk, where half a line is taken back, and where the file
        was deleted.
        """
        if not os.fstat(self._file.fileno()).st_nlink:
            raise BadFileError(
                f"{self.path} was deleted while it was being written, and its lines with it: "
                "start anew"
            )
        self._write(line + b"\n")

    def _write(self, data: bytes) -> None:
        # Not tell(): after a write that failed it lies beyond what was taken back.
        start = os.fstat(self._file.fileno()).st_size
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            # Where that fails too, opening the file again ends the line.
            with suppress(OSError):
                self._file.truncate(start)
            raise BadFileError(
                f"{self.path} cannot be written: {error.strerror}; {self._after_failing(start)}"
            ) from None

    def _after_failing(self, size: int) -> str:
        """Say what to do; a file without a line is removed."""
        if size or not self.path.is_file():
            return f"what was measured before is in it: make room and {self._go_on}"
        with suppress(OSError):
            self.path.unlink()
        return "make room, or choose another folder with --results"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _free_names(folder: Path, stem: str) -> Iterator[Path]:
    yield folder / f"{stem}.jsonl"
    number = 2
    while True:
        yield folder / f"{stem}-{number}.jsonl"
        number += 1


def read(path: Path) -> bytes:
    """Read a file or a pipe.  Raises ``OSError``, also for a device, which may have no end."""
    if path.is_char_device():
        raise OSError(errno.EINVAL, "it is a device, not a file")
    return path.read_bytes()


class RowError(ValueError):
    """One row is wrong: a sentence without file and line."""


def read_rows(
    path: Path,
    columns: Sequence[str],
    parse: Callable[[dict[str, str]], T],
    *,
    later: Collection[str] = (),
) -> Iterator[tuple[int, T]]:
    """Yield the line number and the parsed value of each row of ``path``.

    The header must hold exactly ``columns``, in any order; older files lack those that came
    ``later``.  Lines before it that begin with # are comments.  ``parse`` raises ``ValueError``;
    this raises ``BadFileError`` with file and line.
    """
    try:
        lines = io.StringIO(read(path).decode(), newline="").readlines()
        above = next((at for at, line in enumerate(lines) if line[0] != "#"), len(lines))
        reader = csv.DictReader(lines[above:], strict=True)
        found = reader.fieldnames or ()
        _check_header(path, above + 1, found, [x for x in columns if x in found or x not in later])
        for row in reader:
            line = above + reader.line_num
            yield line, _parsed(path, line, row, parse)
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}; name another file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(f"{path} is not a CSV file in UTF-8 ({error}): save it as one") from None


def bad_line(path: Path, line: int, problem: str) -> BadFileError:
    """Return the error for one line of a file."""
    return BadFileError(f"{path}, line {line}: {problem}")


def percent(row: dict[str, str], column: str) -> float | None:
    """Read a percentage from 0 to 100; None when the cell is empty.  Raises ``RowError``."""
    text = row[column]
    if not text:
        return None
    value = number(row, column)
    if not 0 <= value <= 100:
        raise RowError(f"{column} is {text}: write a percentage from 0 to 100")
    return value


def number(row: dict[str, str], column: str) -> float:
    """Read a finite number.  Raises ``RowError``."""
    try:
        value = math.nan if "_" in row[column] else float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RowError(f"{column} is {row[column]!r}: write a number")
    return value


def choice(row: dict[str, str], column: str, allowed: Sequence[str]) -> str:
    """Read one word of a closed vocabulary.  Raises ``RowError``."""
    if row[column] not in allowed:
        raise RowError(f"{column} is {row[column]!r}: write one of {', '.join(allowed)}")
    return row[column]


def _check_header(path: Path, line: int, found: Sequence[str], columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in found]
    unknown = [column for column in found if column not in columns]
    twice = sorted({column for column in found if found.count(column) > 1})
    for problem, names in (("lacks", missing), ("has unknown", unknown), ("repeats", twice)):
        if names:
            told = printable(", ".join(names))
            raise bad_line(path, line, f"the header {problem} {told}: write {','.join(columns)}")


def _parsed(path: Path, line: int, row: dict[str, str], parse: Callable[[dict[str, str]], T]) -> T:
    if None in row or None in row.values():
        raise bad_line(
            path, line, "not as many cells as the header: put cells with commas in quotes"
        )
    try:
        return parse({column: text.strip() for column, text in row.items()})
    except ValueError as error:
        raise bad_line(path, line, str(error)) from None
