"""Accuracies of the reader's own, from a CSV file whose columns are found by name.

A plain ``name,top1`` works, and so does the results table that timm publishes.  A row is matched
by the network's full name, with or without what stands before its colon
(``timm:resnet50.a1_in1k`` or ``resnet50.a1_in1k``, ``mine.py:net`` or ``net``); a row for
``resnet50.a1_in1k`` says nothing about the registry's ``resnet50``, which is another network.
What matches nothing is listed, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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
}
_NEEDED = ("name", "top1")
_UNSTATED = "not stated"


def join_own(networks: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """``networks`` with the accuracies of ``path`` in place of others, and what has to be said.

    Raises ``BadFileError`` for a file without a column of names or of top-1.
    """
    rows = _read(path)
    found = dict(_matches(rows, list(networks["name"])))
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
    return checked(_once(frame, path), ACCURACY_COLUMNS, str(path))


def _raw(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, skipinitialspace=True)
    except OSError as error:
        raise BadFileError(f"{path} cannot be read ({error.strerror}): give another file") from None
    except ValueError as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadFileError(f"{path} is no CSV file ({reason}): write name,top1 rows") from None


def _once(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    twice = rows["name"].duplicated()
    if twice.any():
        raise BadFileError(f"{path}: {rows['name'][twice].iloc[0]} has two rows: remove one")
    return rows


def _matches(rows: pd.DataFrame, known: Collection[str]) -> Iterator[tuple[str, int]]:
    """Pairs of a network's name and the row that is about it."""
    bare: dict[str, list[str]] = {}
    for name in known:
        bare.setdefault(name.rpartition(":")[2], []).append(name)
    for index, name in enumerate(rows["name"]):
        if name in known:
            yield name, index
        elif len(bare.get(name, ())) == 1:
            yield bare[name][0], index


def _notes(rows: pd.DataFrame, used: set[int], path: Path) -> tuple[str, ...]:
    lost = [name for index, name in enumerate(rows["name"]) if index not in used]
    if not lost:
        return ()
    return (
        f"{path}: {len(used)} of {len(rows)} rows match a network here; these do not: "
        f"{', '.join(lost)}",
    )
