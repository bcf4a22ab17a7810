"""The tree of errors, and one sentence for anything that was raised.

    OpbenchError            a user can fix it: one sentence that says what, where and what next
    ├── UnknownNameError    no network, figure, ... of that name; near matches are offered
    ├── BadValueError       an impossible size, batch size, device or format
    ├── BadFileError        a file that is missing, damaged or of another kind; names file and line
    ├── TargetError         a target that cannot be imported or built
    │   └── GoneTargetError a module or attribute that does not exist
    ├── RuleError           a user's counting rule that cannot be loaded, or is wrong
    ├── CountError          a network whose forward pass raises
    ├── ConversionError     a network that a runtime cannot take
    ├── MissingDataError    a figure or finding without its measurements; says what to run
    └── MissingExtraError   an optional package is not installed

The command line catches ``OpbenchError`` and nothing else; anything outside the tree is a bug
and keeps its traceback.  Whatever a network's own code raises becomes one sentence by ``describe``.
"""

from __future__ import annotations

import difflib
import errno
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent
_STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))


# The remedy for a file or folder that may not be used.
CHANGE_PERMISSIONS = "change its permissions, or name another"

# Characters of a sentence that people still read; a damaged file may hold far longer words.
_LONGEST = 900


class OpbenchError(Exception):
    """Base of every error that a user can fix; ``str(error)`` is the sentence to print.

    What is too long to read is cut in the middle: its start says what, its end what next.
    """

    def __str__(self) -> str:
        sentence = super().__str__()
        if len(sentence) <= _LONGEST:
            return sentence
        return f"{sentence[: _LONGEST // 2]} … {sentence[-_LONGEST // 2 :]}"


class UnknownNameError(OpbenchError):
    """A name that is not in a closed list of names.

    ``see`` says where the list is, if nothing is near; ``globs`` allows the glob of all names
    that begin like it as a hint.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, see: str = "", globs: bool = False
    ) -> None:
        known = sorted(known)
        near = [glob] if globs and (glob := _glob_of(name, known)) else near_matches(name, known)
        hint = f"did you mean {either(near)}?" if near else see
        super().__init__(f"no {kind} is called {name!r}" + (f"; {hint}" if hint else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross to another process as the sentence, without the list of names."""
        return Exception.__new__, (type(self), *self.args)


class BadValueError(OpbenchError):
    """A value outside its domain."""


class BadFileError(OpbenchError):
    """A file that cannot be used."""


class TargetError(OpbenchError):
    """A target that cannot be imported, or that is not a network."""


class GoneTargetError(TargetError):
    """A target that names a module or an attribute that does not exist."""


class RuleError(OpbenchError):
    """A counting rule of a user that cannot be imported, fails or returns no number."""


class CountError(OpbenchError):
    """A network that cannot be run on the given inputs."""


class ConversionError(OpbenchError):
    """A network that a runtime cannot convert or load."""


class MissingDataError(OpbenchError):
    """Missing measurements; the sentence says what to run to get them."""


class MissingExtraError(OpbenchError):
    """An optional package that is not installed."""


def either(words: Sequence[str]) -> str:
    """Return "a, b or c"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def named(name: str, reason: str) -> str:
    """Put the name of a target in front of what is wrong with it, once."""
    return reason if name in reason else f"{name}: {reason}"


def folded(name: str) -> str:
    """Return ``name`` in lower case with nothing but letters, digits and a glob's * and ?."""
    return re.sub(r"[^\w*?]|_", "", name).lower()


def near_matches(name: str, known: Iterable[str], *, likeness: float = 0.5) -> list[str]:
    """Return up to three of ``known`` that are spelt like ``name``, the nearest first.

    ``likeness``: the least share of letters in common, from 0 to 1.
    """
    spelt = {folded(each): each for each in known}
    near = difflib.get_close_matches(folded(name[:_LONGEST]), spelt, cutoff=likeness)
    return [spelt[each] for each in near]


def _glob_of(name: str, known: Sequence[str]) -> str:
    """Return "'resnet*' (12 networks)" where several names begin with ``name``, else nothing."""
    start = folded(name)
    alike = [each for each in known if start and folded(each).startswith(start)]
    if len(alike) < 2:
        return ""
    end = next(end for end in range(1, len(alike[0]) + 1) if folded(alike[0][:end]) == start)
    return f"'{alike[0][:end]}*' ({len(alike)} names)"


def describe(error: BaseException) -> str:
    """Return one sentence for anything that was raised, without line breaks.

    An ``OpbenchError`` is its own sentence.  Of any other error: its type, the first line of its
    message, and the last line of the user's code, or of a library's, that it passed through.
    """
    if isinstance(error, OpbenchError):
        return " ".join(str(error).split())
    message = error.msg if isinstance(error, SyntaxError) else message_of(error)
    first = message.strip().partition("\n")[0].strip()
    sentence = ": ".join(filter(None, (type(error).__name__, first)))
    place = _place(error)
    return f"{sentence} ({place})" if place else sentence


def remedy(error: OSError) -> str:
    """Return what to do about a file that may not be used, after a semicolon, else ""."""
    denied = error.errno in (errno.EACCES, errno.EPERM)
    return f"; {CHANGE_PERMISSIONS}" if denied else ""


def message_of(error: BaseException | None) -> str:
    """Return the message of an error; "" of none, and of one that raises when it is asked."""
    try:
        return "" if error is None else str(error)
    except Exception:  # noqa: BLE001  other people's errors may fail at that, too
        return ""


def _place(error: BaseException) -> str:
    """Return file and line that raised; of a syntax error, those that cannot be read."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename)}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if not _is_machinery(each.filename)]
    return f"{_relative(own[-1].filename)}, line {own[-1].lineno}" if own else ""


def _is_machinery(name: str) -> bool:
    """Return whether a file belongs to opbench, torch or Python, where the mistake is not."""
    path = Path(name)
    if path.is_relative_to(_PACKAGE):
        return not path.is_relative_to(_PACKAGE / "architectures")
    if name.startswith("<") or path.is_relative_to(_STANDARD_LIBRARY):
        return "site-packages" not in path.parts
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    return torch is not None and path.is_relative_to(Path(torch).parent)


def _relative(name: str) -> str:
    path = Path(name)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else name
