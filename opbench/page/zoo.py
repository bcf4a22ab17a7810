"""The networks of torchvision and timm on the page: every accuracy that they state.

The rule it embodies: an accuracy on file is that of images of the size that is counted, and it is
marked as the statement of its library, with release and licence.  Columns keep it small: a text
that many rows share is there once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from opbench.table.frames import NETWORK, Table, networks_frame
from opbench.table.networks import Network
from opbench.zoo.groups import GROUP_LABELS
from opbench.zoo.libraries import LIBRARIES
from opbench.zoo.rows import ZooRow, load

_OF_WEIGHTS = ("uncounted", "trained_on", "resize", "interpolation", "licence", "release")


def stated_by_libraries(table: Table) -> list[ZooRow]:
    """Return the weights that have an accuracy and are not in ``table``, which timed them."""
    timed = set(zip(table.networks["name"], table.networks["input_size"], strict=True))
    rows = (row for library in LIBRARIES for row in load(library))
    return [
        row for row in rows if row.top1 is not None and (row.name, str(row.input_size)) not in timed
    ]


def zoo(rows: Sequence[ZooRow]) -> dict[str, Any]:
    """Return the rows as columns, and the libraries that they are from."""
    networks = [Network.of_zoo(row) for row in rows]
    frame = networks_frame(networks)[list(NETWORK)].astype({"name": str, "label": str})
    for column in _OF_WEIGHTS:
        frame[column] = [getattr(row, column) or None for row in rows]
    frame["paper"] = [network.paper or None for network in networks]
    frame["paper_url"] = [network.paper_url or None for network in networks]
    frame["library"] = [row.library.name for row in rows]
    several = frame["name"].duplicated(keep=False)
    sides = [f" at {row.input_size[-1]}" for row in rows]
    at = [side if one_of else "" for side, one_of in zip(sides, several, strict=True)]
    frame["target"] = frame["name"]
    for column in ("name", "label"):  # one name, one point
        frame[column] = [text + side for text, side in zip(frame[column], at, strict=True)]
    return {
        "count": len(rows),
        "columns": {
            column: _folded(frame[column]) for column in frame if any(frame[column].notna())
        },
        "libraries": [_library(name, rows) for name in LIBRARIES],
        "groups": GROUP_LABELS,
    }


def _folded(column: pd.Series[Any]) -> Any:
    """Return a column as a list, or as its distinct values and the place of each row's."""
    values = [None if each is None or each != each else each for each in column]
    distinct = list(dict.fromkeys(values))
    if 2 * len(distinct) > len(values):
        return values
    places = {value: place for place, value in enumerate(distinct)}
    return {"values": distinct, "at": [places[value] for value in values]}


def _library(name: str, rows: Sequence[ZooRow]) -> dict[str, Any]:
    own = [row for row in rows if row.library.name == name]
    releases = sorted({row.release for row in own})
    return asdict(LIBRARIES[name]) | {"releases": releases, "count": len(own)}
