"""What can go wrong, as a tree.

    OpbenchError            a user can mend it: one sentence that says what, where and what next
    ├── UnknownNameError    no network, figure, ... of that name; near matches are offered
    ├── BadValueError       a size, batch size, device, format that cannot be
    ├── BadFileError        a file that is missing, damaged or of another kind; names file and line
    ├── TargetError         a target that could not be imported or built
    │   └── GoneTargetError a module or attribute that does not exist
    ├── CountError          a network whose forward pass raised while it was being counted
    ├── MissingDataError    a figure or finding without its measurements; says what to run
    └── MissingExtraError   an optional package is not installed

The command line catches ``OpbenchError`` and nothing else; anything outside the tree is a bug
and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OpbenchError(Exception):
    """Base of every error a user can mend.  ``str(error)`` is the sentence to print."""


class UnknownNameError(OpbenchError):
    """A name that is not in a closed list of names."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, see: str = "") -> None:
        near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else see
        super().__init__(f"no {kind} is called {name!r}" + (f"; {hint}" if hint else ""))


class BadValueError(OpbenchError):
    """A value outside its domain."""


class BadFileError(OpbenchError):
    """A file that cannot be used."""


class TargetError(OpbenchError):
    """A target that cannot be imported, or that is not a network."""


class GoneTargetError(TargetError):
    """A target that names a module or an attribute that does not exist."""


class CountError(OpbenchError):
    """A network that cannot be run on the given inputs."""


class MissingDataError(OpbenchError):
    """Measurements that are not there.  The sentence says what to run to get them."""


class MissingExtraError(OpbenchError):
    """An optional package that is not installed."""
