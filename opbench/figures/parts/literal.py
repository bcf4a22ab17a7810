"""Text from files, as letters that can be drawn.

A name is data: what steers a terminal, turns the direction of writing or cannot stand in an SVG
file is drawn as its escape, ``\\x1b`` for instance, and a name of more than a line's letters is
shortened.  Formulas are switched off where the typeface is set.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from opbench.escapes import printable
from opbench.table.frames import Table

_KEYS = ["name", "run"]  # looked up by these, and not drawn as they are
_NAMES = ("label", "family", "machine")
_MOST = 60  # letters of a name


def literal_table(table: Table) -> Table:
    """``table`` with text that can be drawn."""
    return replace(
        table,
        networks=_literal_frame(table.networks),
        elsewhere=_literal_frame(table.elsewhere),
        unrunnable=_literal_frame(table.unrunnable),
        cells=_literal_frame(table.cells),
        failures=_literal_frame(table.failures),
        ceilings=_literal_frame(table.ceilings),
        zoo=_literal_frame(table.zoo),
    )


def _literal_frame(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.select_dtypes(exclude=["number", "bool"]).columns.difference(_KEYS)
    return frame.assign(**{column: _literal_column(frame[column]) for column in texts})


def _literal_column(column: pd.Series[Any]) -> pd.Series[Any]:
    write = _name if column.name in _NAMES else printable
    texts = {each: write(each) for each in column.unique() if isinstance(each, str)}
    return column if all(text == drawn for text, drawn in texts.items()) else column.map(texts)


def _name(text: str) -> str:
    whole = printable(text)
    return whole if len(whole) <= _MOST else f"{whole[: _MOST - 1]}…"
