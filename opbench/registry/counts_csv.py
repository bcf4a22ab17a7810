"""The facts of the registry, read from a file instead of from the networks.

``results/counts.csv`` holds one row per built-in architecture, written by ``opbench list
--update`` from real counts and kept fresh by a test.  Reading it needs neither torch nor pandas,
which is what lets ``opbench list``, ``plot`` and ``report`` start at once.  In an installed wheel
the same file lies inside the package.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from opbench.errors import BadFileError, UnknownNameError

_PACKAGE = Path(__file__).parents[1]
RESULTS = _PACKAGE.parent / "results" / "counts.csv"
_CANDIDATES = (_PACKAGE / "counts.csv", RESULTS)
_TEXT = frozenset(("name", "label", "family", "dataset", "input_size", "uncounted")) | frozenset(
    ("witness_note", "paper", "paper_url")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row of ``counts.csv``: an architecture and its exact counts for one image.

    ``linear_params`` and ``linear_macs`` are the part of both that lies in fully connected
    layers; ``fvcore_macs`` is what the independent witness counts, None where it cannot trace the
    network, and ``witness_note`` why the two differ, if they do; ``stated_params`` and
    ``stated_macs`` are what its authors print of it, None where they print nothing.
    """

    name: str
    label: str
    family: str
    year: int
    dataset: str
    input_size: str
    params: int
    macs: int
    activations: int
    weight_bytes: int
    peak_activation_bytes: int
    linear_params: int
    linear_macs: int
    fvcore_macs: int | None
    witness_note: str
    uncounted: str
    stated_params: int | None
    stated_macs: int | None
    paper: str
    paper_url: str


def counts_file() -> Path:
    """Where the facts lie: in an installed package, else among a clone's results."""
    return next((path for path in _CANDIDATES if path.is_file()), RESULTS)


@cache
def load(path: Path | None = None) -> tuple[Fact, ...]:
    """All facts, sorted by name.  Raises ``BadFileError`` naming file and line."""
    path = path or counts_file()
    if not path.is_file():
        raise BadFileError(
            f"the registry's facts are missing from {path}: `opbench list --update` writes them"
        )
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        expected = [field.name for field in fields(Fact)]
        if reader.fieldnames != expected:
            raise BadFileError(
                f"{path}, line 1: the columns are not {', '.join(expected)}: "
                "`opbench list --update` writes the file anew"
            )
        return tuple(_fact(row, path, reader.line_num) for row in reader)


def save(facts: Iterable[Fact], path: Path) -> None:
    """Write ``facts`` sorted by name, the same bytes for the same facts.

    Raises ``BadFileError`` where the folder cannot be written to.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(Fact)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(fact) for fact in sorted(facts, key=lambda fact: fact.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        raise BadFileError(f"{path} cannot be written: {error.strerror}") from None


def list_architectures(pattern: str = "*") -> list[str]:
    """The built-in names that a glob matches.  Raises ``UnknownNameError`` when none does."""
    return matching([fact.name for fact in load()], [pattern])


def matching(names: Sequence[str], patterns: Iterable[str]) -> list[str]:
    """Those of ``names`` that a pattern matches, in their order.

    Raises ``UnknownNameError`` with near matches for a pattern that matches nothing.
    """
    patterns = list(patterns)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UnknownNameError(
                "architecture", pattern, names, see="`opbench list` shows them all"
            )
    return [name for name in names if any(fnmatchcase(name, each) for each in patterns)]


def _fact(row: dict[str, str], path: Path, line: int) -> Fact:
    try:
        return Fact(**{key: _value(key, text) for key, text in row.items()})  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise BadFileError(
            f"{path}, line {line}: {error}: `opbench list --update` writes the file anew"
        ) from None


def _value(key: str, text: str) -> str | int | None:
    if key in _TEXT:
        return text
    return int(text) if text else None
