"""Columns that are there, of their kind and within their domain, or a sentence that says which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from opbench.errors import BadFileError

Kind = Literal[
    "text", "optional text", "count", "optional count", "percent", "positive", "optional positive"
]

_DOMAIN: Mapping[Kind, str] = {
    "text": "text",
    "optional text": "text",
    "count": "whole number from 0",
    "optional count": "whole number from 0",
    "percent": "percentage",
    "positive": "number above 0",
    "optional positive": "number above 0",
}

_OPTIONAL = ("optional count", "optional positive")


def checked(frame: pd.DataFrame, columns: Mapping[str, Kind], where: str) -> pd.DataFrame:
    """``frame`` once every one of ``columns`` is there and of its kind.

    ``frame`` has a column ``name``.  Raises ``BadFileError`` naming ``where``, the column and the
    row that broke the rule.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise BadFileError(f"{where}: no column {', '.join(missing)}")
    for column, kind in columns.items():
        bad = ~_is_valid(frame[column], kind)
        if bad.any():
            row = frame[bad].iloc[0]
            value = "missing" if pd.isna(row[column]) else str(row[column]) or "empty"
            raise BadFileError(
                f"{where}: {column} of {row['name']} is {value}, which is no {_DOMAIN[kind]}"
            )
    return frame


def _is_valid(values: pd.Series[Any], kind: Kind) -> pd.Series[bool]:
    if kind in ("text", "optional text"):
        text = values.map(lambda value: isinstance(value, str) and value != "").astype(bool)
        return text | values.isna() if kind == "optional text" else text
    numbers = pd.to_numeric(values, errors="coerce")
    if kind in ("count", "optional count"):
        valid = (numbers >= 0) & (numbers % 1 == 0)
    elif kind == "percent":
        valid = numbers.between(0, 100)
    else:
        valid = numbers > 0
    return valid | values.isna() if kind in ("percent", *_OPTIONAL) else valid
