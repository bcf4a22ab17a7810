"""The family of a network of a library, and its paper: the longest prefix of its name decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from opbench.files import bad_line
from opbench.row_files import RowFormat
from opbench.value import Natural, Text, Value

FAMILIES = Path(__file__).with_name("families.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow(Value):
    """Networks whose names begin alike; ``year`` is that of the paper, None without one."""

    library: Text
    prefix: Text
    family: Text
    paper: str
    year: Natural | None
    url: str
    note: str


_FORMAT = RowFormat(
    FamilyRow,
    ("library", "prefix", "family", "paper", "year", "url", "note"),
    remedy="write a whole number",
)


@cache
def load_families(path: Path = FAMILIES) -> Mapping[tuple[str, str], FamilyRow]:
    """Return the families by library and prefix.  Raises ``BadFileError`` naming file and line."""
    found: dict[tuple[str, str], FamilyRow] = {}
    for line, each in _FORMAT.read(path):
        key = (each.library, each.prefix)
        if key in found:
            raise bad_line(path, line, f"{each.library} {each.prefix} has a row above: remove one")
        found[key] = each
    return found


def family_of(architecture: str) -> FamilyRow | None:
    """Return the family of LIBRARY:NETWORK, None where no prefix is known."""
    library, _, name = architecture.partition(":")
    families = load_families()
    lengths = range(len(name), 0, -1)
    return next((families[key] for n in lengths if (key := (library, name[:n])) in families), None)
