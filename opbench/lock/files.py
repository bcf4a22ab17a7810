"""Read locks from disk and from other commits, and write them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from opbench import files
from opbench.errors import BadFileError
from opbench.git import SHALLOW, git
from opbench.lock.blocks import Lock
from opbench.lock.reading import parse
from opbench.lock.text import to_text


def load(path: Path) -> Lock:
    """Read the lock at ``path``.

    Raises ``BadFileError`` when it is missing, damaged or of another kind.
    """
    try:
        return parse(files.read(path).decode(), str(path))
    except FileNotFoundError:
        raise BadFileError(
            f"the lock {path} does not exist: write it with `opbench check --update TARGET...`, or "
            "name another with --lock"
        ) from None
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path}, line 1: not a lock of opbench ({error.reason})") from None
    except OSError as error:
        raise BadFileError(
            f"the lock {path} cannot be read: {error.strerror}: name another with --lock"
        ) from None


def load_at(ref: str, path: Path) -> Lock:
    """Read the lock of the commit ``ref`` in the git repository around ``path``.

    Raises ``BadValueError`` when git has no such commit or the commit no such file, and what
    ``load`` raises.
    """
    name = f"{ref}:./{path.name}"
    text = git(
        path.parent, "show", "--end-of-options", name,
        why=f"git has no {path.name} in {ref!r}",
        remedy=f"name a commit that holds the lock; {SHALLOW}",
    )  # fmt: skip
    return parse(text, f"{path} at {ref}")


def save(lock: Lock, path: Path) -> bool:
    """Write ``lock``; return False, without writing, if the file holds these bytes already.

    Raises ``BadFileError`` when it cannot be written.
    """
    data = to_text(lock).encode()
    with suppress(OSError):
        if path.read_bytes() == data:
            return False
    files.write(path, data, remedy="name another with --lock")
    return True
