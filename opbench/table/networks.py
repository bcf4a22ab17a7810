"""One row per network: exact counts for one image beside its accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from opbench.accuracy import PUBLISHED_ONLY, primaries, top1_interval
from opbench.errors import BadFileError
from opbench.metrics import METRICS
from opbench.table.checks import Kind, checked

SINGLE_CROP = "single central crop"

# One view of the image, uncropped: what a single central crop is to the datasets of small images.
_WHOLE = "full image"

FACT_COLUMNS: Mapping[str, Kind] = {
    "name": "text",
    "label": "text",
    "family": "text",
    "year": "optional count",
    "dataset": "text",
    "input_size": "text",
    "params": "count",
    "macs": "count",
    "activations": "count",
    "weight_bytes": "optional count",
    "peak_activation_bytes": "optional count",
}

# What is taken along where it is there.
_OPTIONAL = ("linear_params", "linear_macs", "uncounted", "paper", "paper_url")

ACCURACY_COLUMNS: Mapping[str, Kind] = {
    "top1": "percent",
    "top5": "percent",
    "protocol": "optional text",
    "source": "optional text",
    "source_url": "optional text",
}

_CHART = (
    "architecture",
    "label",
    "top1_percent",
    "gops_2xmac",
    "params_millions",
    "correction",
)

CHART_COLUMNS: Mapping[str, Kind] = {
    "architecture": "text",
    "name": "text",
    "top1": "percent",
    "flops": "positive",
    "params": "positive",
    "correction": "optional text",
}


def join_networks(facts: Iterable[Any], accuracies: Mapping[str, Any]) -> pd.DataFrame:
    """``facts`` beside the accuracy of the same name, sorted by name, with ``derived`` columns.

    Raises ``BadFileError`` for a fact or an accuracy outside its domain, and for a name that
    comes twice.
    """
    columns = [*FACT_COLUMNS, *_OPTIONAL]
    frame = pd.DataFrame([_fields(fact, columns) for fact in facts], columns=columns)
    checked(frame, FACT_COLUMNS, "the registry's counts")
    if frame["name"].duplicated().any():
        twice = frame["name"][frame["name"].duplicated()].iloc[0]
        raise BadFileError(f"the registry's counts: {twice} has two rows")
    rows = [_fields(accuracies.get(name), ACCURACY_COLUMNS) for name in frame["name"]]
    frame[[*ACCURACY_COLUMNS]] = pd.DataFrame(rows, columns=[*ACCURACY_COLUMNS], index=frame.index)
    checked(frame, ACCURACY_COLUMNS, "the accuracies")
    return derived(frame).sort_values("name", ignore_index=True)


def derived(frame: pd.DataFrame) -> pd.DataFrame:
    """With the columns that follow from others.

    ``flops`` (2 per multiply-accumulate), ``density`` (top-1 in percent per million parameters),
    ``single_crop`` (is the accuracy that of one view: a single central crop, or the whole of a
    small image), ``top1_low`` and ``top1_high`` (95 % interval of a proportion, from the number of
    test images).
    """
    top1 = pd.to_numeric(frame["top1"]).astype(float)
    pairs = zip(top1, frame["dataset"], strict=True)
    intervals = [None if pd.isna(value) else top1_interval(value, data) for value, data in pairs]
    return frame.assign(
        top1=top1,
        top5=pd.to_numeric(frame["top5"]).astype(float),
        flops=2 * frame["macs"],
        density=top1 / (frame["params"] * METRICS["params"].scale),
        single_crop=frame["protocol"].isin([SINGLE_CROP, _WHOLE]),
        top1_low=[interval[0] if interval else float("nan") for interval in intervals],
        top1_high=[interval[1] if interval else float("nan") for interval in intervals],
    )


def chart2016(rows: Sequence[Any]) -> pd.DataFrame:
    """The points of the 2016 chart: ``flops`` and ``params`` as printed there, in ones."""
    frame = pd.DataFrame([_fields(row, _CHART) for row in rows], columns=[*_CHART])
    frame = frame.rename(columns={"top1_percent": "top1", "label": "name"}).assign(
        flops=frame["gops_2xmac"] * 1e9,
        params=frame["params_millions"] * 1e6,
        correction=frame["correction"].where(frame["correction"] != "", None),
    )
    return checked(frame[[*CHART_COLUMNS]], CHART_COLUMNS, "the 2016 chart")


def published_only(chart: pd.DataFrame) -> pd.DataFrame:
    """Return the points of the 2016 chart that cannot be run, in the columns of a network as far
    as they are published."""
    lost = chart.reindex(columns=[*CHART_COLUMNS])
    lost = lost[lost["architecture"].isin(PUBLISHED_ONLY)]
    columns = ["dataset", *ACCURACY_COLUMNS]
    rows = [_fields(primaries()[name], columns) for name in lost["architecture"]]
    published = pd.DataFrame(rows, columns=columns, index=lost.index)
    return derived(
        published.assign(
            name=lost["architecture"],
            label=lost["name"].astype(str) + " (2016)",
            family=lost["name"].astype(str).str.lower(),
            params=lost["params"],
            macs=lost["flops"] / 2,
            published_only=True,
        )
    )


def _fields(row: Any, columns: Iterable[str]) -> dict[str, Any]:
    if row is None:
        return dict.fromkeys(columns)
    return {column: getattr(row, column, None) for column in columns}
