"""Find the names that were meant: case, hyphens, underscores, dots and spaces are forgiven.

``ResNet-50``, ``resnet_50`` and ``RESNET50`` are ``resnet50``; ``accuracy_vs_ops`` is
``accuracy-vs-ops``.  What is spelt exactly always wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from opbench.errors import BadValueError, UnknownNameError, folded
from opbench.escapes import printable

_NO_LABELS: Mapping[str, str] = {}


def matching(
    pattern: str, known: Iterable[str], labels: Mapping[str, str] = _NO_LABELS
) -> tuple[str, ...]:
    """Return the ``known`` names that a name or glob matches, in their order.

    ``labels`` gives other spellings of some of them, as in {"nin": "Network in Network"}.
    """
    known = tuple(known)
    exact = tuple(name for name in known if fnmatchcase(name, pattern))
    if exact or "[" in pattern:  # a set of characters cannot be folded
        return exact
    loose = folded(pattern)
    return tuple(
        name
        for name in known
        if fnmatchcase(folded(name), loose) or fnmatchcase(folded(labels.get(name, name)), loose)
    )


def require_utf8(name: str) -> None:
    """Raise ``BadValueError`` for the name of a file whose bytes are no text, as files need it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadValueError(f"{printable(name)} is not a name in UTF-8: rename the file") from None


def is_target(name: str) -> bool:
    """Return whether ``name`` has the form file.py:ATTR, package.module:ATTR or PROVIDER:NAME."""
    head, _, attribute = name.rpartition(":")
    importable = all(part.isidentifier() for part in head.split("."))
    return (
        (head.endswith(".py") or importable) and bool(attribute) and not set(attribute) & {*"*?["}
    )


def find(
    kind: str, name: str, known: Iterable[str], aliases: Mapping[str, str] = _NO_LABELS
) -> str:
    """Return the one of ``known`` that ``name`` spells, or is an alias of.

    Raises ``UnknownNameError`` with near matches, or with all names where nothing is near.
    """
    known = tuple(known)
    if found := spelt(name, known, aliases):
        return found
    raise UnknownNameError(kind, name, known, see=f"choose from {', '.join(known)}")


def spelt(name: str, known: Iterable[str], aliases: Mapping[str, str] = _NO_LABELS) -> str | None:
    """Return the one of ``known`` that ``name`` spells, or is an alias of; None where none is."""
    known = tuple(known)
    if name in known:
        return name
    meant = {folded(alias): each for alias, each in aliases.items()}
    meant |= {folded(each): each for each in known}
    return meant.get(folded(name))
