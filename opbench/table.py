"""Facts, accuracies and timings, joined into one table.

The rule it embodies: what a figure draws has been checked.  Every column is present, of its kind
and within its domain before anything is drawn; a file that does not pass is named in the error.
A network without an accuracy keeps its row, with the accuracy missing; so does an accuracy
without a network, in ``published_only``.

    Table.networks    one row per network: exact counts for one image, its primary accuracy
    Table.cells       one row per measured cell of a run, with the network's columns beside it
    Table.chart2016   the fourteen points of the 2016 chart

Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from opbench import catalog
from opbench.accuracy import load_chart2016, primaries, top1_interval
from opbench.errors import BadFileError
from opbench.metrics import METRICS

Kind = Literal["text", "count", "percent", "positive", "optional text"]

SINGLE_CROP = "single central crop"

FACT_COLUMNS: Mapping[str, Kind] = {
    "name": "text",
    "label": "text",
    "family": "text",
    "year": "count",
    "dataset": "text",
    "input_size": "text",
    "params": "count",
    "macs": "count",
    "activations": "count",
    "weight_bytes": "count",
    "peak_activation_bytes": "count",
}

ACCURACY_COLUMNS: Mapping[str, Kind] = {
    "top1": "percent",
    "top5": "percent",
    "protocol": "optional text",
    "source": "optional text",
    "source_url": "optional text",
}

CHART_COLUMNS: Mapping[str, Kind] = {
    "architecture": "optional text",
    "name": "text",
    "top1": "percent",
    "flops": "positive",
    "params": "positive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything a figure may draw.  ``notes`` are sentences the reader of a figure must see."""

    networks: pd.DataFrame
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    chart2016: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()


def checked(frame: pd.DataFrame, columns: Mapping[str, Kind], where: str) -> pd.DataFrame:
    """``frame`` once every one of ``columns`` is there and of its kind.

    Raises ``BadFileError`` naming ``where``, the column and the row that broke the rule.
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


_DOMAIN = {
    "text": "text",
    "optional text": "text",
    "count": "whole number from 0",
    "percent": "percentage",
    "positive": "number above 0",
}


def _is_valid(values: pd.Series[Any], kind: Kind) -> pd.Series[bool]:
    if kind in ("text", "optional text"):
        text = values.map(lambda value: isinstance(value, str) and value != "")
        return text | values.isna() if kind == "optional text" else text
    numbers = pd.to_numeric(values, errors="coerce")
    if kind == "count":
        return numbers.notna() & (numbers >= 0) & (numbers % 1 == 0)
    if kind == "positive":
        return numbers > 0
    return values.isna() | numbers.between(0, 100)


def networks(facts: Iterable[Any], accuracies: Mapping[str, Any]) -> pd.DataFrame:
    """One row per network: ``facts`` beside the accuracy of the same name, sorted by name.

    Adds ``flops`` (2 per multiply-accumulate), ``density`` (top-1 in percent per million
    parameters), ``single_crop`` (is the accuracy that of a single central crop) and
    ``top1_low``, ``top1_high`` (95 % interval of a proportion, from the number of test images).
    """
    frame = pd.DataFrame([_fields(fact, FACT_COLUMNS) for fact in facts], columns=[*FACT_COLUMNS])
    checked(frame, FACT_COLUMNS, "the registry's counts")
    if frame["name"].duplicated().any():
        twice = frame["name"][frame["name"].duplicated()].iloc[0]
        raise BadFileError(f"the registry's counts: {twice} has two rows")
    rows = [_fields(accuracies.get(name), ACCURACY_COLUMNS) for name in frame["name"]]
    frame[[*ACCURACY_COLUMNS]] = pd.DataFrame(rows, columns=[*ACCURACY_COLUMNS], index=frame.index)
    checked(frame, ACCURACY_COLUMNS, "the accuracies")
    return _derived(frame).sort_values("name", ignore_index=True)


def _fields(row: Any, columns: Iterable[str]) -> dict[str, Any]:
    if row is None:
        return dict.fromkeys(columns)
    return {column: getattr(row, column, None) for column in columns}


def _derived(frame: pd.DataFrame) -> pd.DataFrame:
    top1 = pd.to_numeric(frame["top1"])
    pairs = zip(top1, frame["dataset"], strict=True)
    intervals = [None if pd.isna(value) else top1_interval(value, data) for value, data in pairs]
    return frame.assign(
        top1=top1,
        top5=pd.to_numeric(frame["top5"]),
        flops=2 * frame["macs"],
        density=top1 / (frame["params"] * METRICS["params"].scale),
        single_crop=frame["protocol"].eq(SINGLE_CROP) | ~frame["dataset"].eq("imagenet"),
        top1_low=[interval[0] if interval else float("nan") for interval in intervals],
        top1_high=[interval[1] if interval else float("nan") for interval in intervals],
    )


def chart2016(rows: Sequence[Any]) -> pd.DataFrame:
    """The points of the 2016 chart: ``flops`` and ``params`` as printed there, in ones."""
    columns = ("architecture", "label", "top1_percent", "gops_2xmac", "params_millions")
    frame = pd.DataFrame([_fields(row, columns) for row in rows], columns=[*columns])
    frame = frame.rename(columns={"top1_percent": "top1", "label": "name"}).assign(
        flops=frame["gops_2xmac"] * 1e9, params=frame["params_millions"] * 1e6
    )
    frame["architecture"] = frame["architecture"].where(frame["architecture"] != "", None)
    return checked(frame[[*CHART_COLUMNS]], CHART_COLUMNS, "the 2016 chart")


def load(results: Path) -> Table:
    """The table of a results directory.  Raises ``BadFileError`` naming the file."""
    counts = results / "counts.csv"
    facts = catalog.load(counts if counts.is_file() else None)
    return Table(
        networks=networks(facts, primaries()),
        chart2016=chart2016(load_chart2016()),
    )
