"""Accuracies of the reader's own, from a CSV file whose columns are found by name.

A plain ``name,top1`` works, and so does the results table that timm publishes.  A row is matched
by the network's full name, with or without what stands before its colon
(``timm:resnet50.a1_in1k`` or ``resnet50.a1_in1k``, ``mine.py:net`` or ``net``); a row for
``resnet50.a1_in1k`` says nothing about the registry's ``resnet50``, which is another network, and
about ``timm:resnet50`` only where the file has no other set of weights for it.
Where a file has several rows of one name, the one at the network's own input size is meant.  What
matches nothing is listed, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from opbench.errors import BadFileError
from opbench.table.checks import checked
from opbench.table.networks import ACCURACY_COLUMNS, derived

_ALIASES = {
    "name": ("name", "model", "architecture", "network"),
    "top1": ("top1", "top-1", "top1_percent", "acc1", "accuracy"),
    "top5": ("top5", "top-5", "top5_percent", "acc5"),
    "protocol": ("protocol",),
    "source": ("source",),
    "source_url": ("source_url", "url"),
    "dataset": ("dataset",),
    "size": ("img_size", "input_size"),
}
_NEEDED = ("name", "top1")
_UNSTATED = "not stated"


def join_own(networks: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """``networks`` with the accuracies of ``path`` in place of others, and what has to be said.

    Raises ``BadFileError`` for a file without a column of names or of top-1.
    """
    rows = _read(path)
    found = dict(_matches(rows, dict(zip(networks["name"], networks["input_size"], strict=True))))
    columns = [column for column in (*ACCURACY_COLUMNS, "dataset") if column in rows]
    joined = networks.copy()
    for column in columns:
        new = {name: rows[column].iloc[index] for name, index in found.items()}
        joined[column] = [
            new.get(name, old) for name, old in zip(joined["name"], joined[column], strict=True)
        ]
    return derived(joined), _notes(rows, set(found.values()), path)


def _read(path: Path) -> pd.DataFrame:
    raw = _raw(path)
    present = {str(column).strip().lower(): column for column in raw.columns}
    frame = pd.DataFrame(index=raw.index)
    for column, aliases in _ALIASES.items():
        found = next((present[alias] for alias in aliases if alias in present), None)
        if found is not None:
            frame[column] = raw[found]
        elif column in _NEEDED:
            raise BadFileError(f"{path}, line 1: no column {' or '.join(aliases)}: write name,top1")
    frame["name"] = frame["name"].astype(str).str.strip()
    frame["protocol"] = frame.get("protocol", pd.Series(_UNSTATED, frame.index)).fillna(_UNSTATED)
    frame["source"] = frame.get("source", pd.Series(path.name, frame.index)).fillna(path.name)
    frame = frame.reindex(columns=[*dict.fromkeys([*frame.columns, "name", *ACCURACY_COLUMNS])])
    return checked(frame, ACCURACY_COLUMNS, str(path))


def _raw(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, skipinitialspace=True)
    except OSError as error:
        raise BadFileError(f"{path} cannot be read ({error.strerror}): give another file") from None
    except ValueError as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadFileError(f"{path} is no CSV file ({reason}): write name,top1 rows") from None


def _matches(rows: pd.DataFrame, known: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Pairs of a network's name and the row that is about it; ``known`` are their input sizes."""
    full: dict[str, list[str]] = {}
    for name in known:
        full.setdefault(name.rpartition(":")[2], []).append(name)
    where: dict[str, list[int]] = {}
    for index, name in enumerate(rows["name"]):
        where.setdefault(name, []).append(index)
    tagged: dict[str, list[str]] = {}
    for name in where:
        tagged.setdefault(name.partition(".")[0], []).append(name)
    for name, indices in where.items():
        meant = [name] if name in known else full.get(name, [])
        base = name.partition(".")[0]
        if not meant and f"timm:{base}" in known and len(tagged[base]) == 1:
            meant = [f"timm:{base}"]
        if len(meant) == 1:
            same = [at for at in indices if len(indices) == 1 or _at(rows, at, known[meant[0]])]
            if len(same) == 1:
                yield meant[0], same[0]


def _at(rows: pd.DataFrame, index: int, input_size: str) -> bool:
    """Is the row of images of that size: "3x224x224", or 224 alone?"""
    size = str(rows["size"].iloc[index]) if "size" in rows else ""
    return size in (input_size, input_size.rpartition("x")[2])


def _notes(rows: pd.DataFrame, used: set[int], path: Path) -> tuple[str, ...]:
    lost = [name for index, name in enumerate(rows["name"]) if index not in used]
    if not lost:
        return ()
    return (
        f"{path}: {len(used)} of {len(rows)} rows match a network here; these do not: "
        f"{', '.join(lost)}",
    )
