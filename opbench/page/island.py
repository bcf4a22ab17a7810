"""The data of the page: one JSON object, safe to stand inside a script element.

The rule it embodies: numbers go in as they are in the table, in SI units and unrounded, missing
ones as null; the page scales and rounds.  Everything that says where a number is from goes along.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from opbench import __version__
from opbench.figures.parts import style
from opbench.metrics import CONVENTION, METRICS, PER_MAC, columns, family_label
from opbench.page.gallery import Picture
from opbench.page.zoo import zoo
from opbench.runs.lines import Header
from opbench.spec import dataset_label, ordered_datasets
from opbench.table.frames import NETWORK, Table
from opbench.zoo.rows import ZooRow

_COSTS, _GAINS = (
    [key for key, metric in METRICS.items() if metric.role == role] for role in ("cost", "gain")
)
_BUDGETS = [key for key, metric in METRICS.items() if metric.budget]
_MEASURED = [key for key, metric in METRICS.items() if metric.of == "cell"]

_CELL = ("name", "run", "machine", "device", "dtype", "runtime", "variant", "batch_size",
         "input_size", "quality", "p50_s", "p90_s", *columns("cell"))  # fmt: skip
# A cell is in the table for each data set that its network was evaluated on.
_ONE_CELL = ["name", "run", "device", "dtype", "runtime", "variant", "batch_size", "input_size"]
# The accuracy of a cell's own artefact.
_TOP1 = ("top1", "top1_low", "top1_high", "top5", "single_crop", "protocol", "source", "evaluation",
         "top1_measured")  # fmt: skip
_RUN = ("run", "started", "opbench", "protocol", "environment", "cuda")
_FAILURE = ("name", "run", "machine", "device", "dtype", "runtime", "variant", "batch_size",
            "reason")  # fmt: skip

# Letters that a JSON text need not hold as they are, and that could end its script element.
_RISKY = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}


def island(
    table: Table,
    findings: Sequence[Any],
    drawn: Sequence[Picture] = (),
    weights: Sequence[ZooRow] = (),
) -> dict[str, Any]:
    """Everything the page shows, as plain lists and objects."""
    families = sorted({*table.networks["family"]})
    datasets = {*table.everywhere["dataset"], *(row.dataset for row in weights)}
    cells = table.cells.drop_duplicates(_ONE_CELL)
    return {
        "version": __version__,
        "convention": CONVENTION,
        "per_mac": PER_MAC,
        "metrics": {key: asdict(metric) for key, metric in METRICS.items()},
        "costs": _COSTS,
        "gains": _GAINS,
        "budgets": _BUDGETS,
        "measured": _MEASURED,
        "datasets": _datasets(datasets, table.dataset),
        "families": {paper: _tints(paper, families) for paper in ("light", "dark")},
        "family_labels": {family: family_label(family) for family in families},
        "networks": _networks(table) + _unrunnable(table),
        "zoo": zoo(weights),
        "cells": _cells(_own_size(cells), table.cells[table.cells["one_artefact"].astype(bool)]),
        "other_sizes": len(cells) - len(_own_size(cells)),
        "failures": _rows(table.failures, _FAILURE),
        "runs": [_run(name, header) for name, header in table.folder.runs.items()],
        "claims": [asdict(finding) for finding in findings],
        "figures": [_figure(picture) for picture in drawn],
        "notes": table.folder.notes,
    }


def as_json(value: object) -> str:
    """``value`` as ASCII JSON that ends no script element and opens no comment."""
    text = json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)
    return text.translate(_RISKY)


def _plain(value: Any) -> Any:
    """Replace what JSON cannot hold: numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):  # a number of numpy's
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, bool | int | float) else str(value)


def _rows(frame: pd.DataFrame, columns: Iterable[str]) -> list[dict[str, Any]]:
    there = [column for column in columns if column in frame]
    return [
        {str(key): value for key, value in row.items()} for row in frame[there].to_dict("records")
    ]


def _cells(cells: pd.DataFrame, of_one_artefact: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the cells; ``own`` is the accuracy of the very artefact, by data set."""
    own: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in of_one_artefact.to_dict("records"):
        accuracy = {key: row[key] for key in _TOP1}
        own.setdefault(_which(row), {})[row["dataset"]] = accuracy
    return [row | {"own": own.get(_which(row), {})} for row in _rows(cells, _CELL)]


def _which(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in _ONE_CELL)


def _networks(table: Table) -> list[dict[str, Any]]:
    every = (*table.folder.networks, *table.folder.elsewhere)
    trained_on = {(each.name, each.dataset): each.trained_on for each in every}
    rows = _rows(table.everywhere, (*NETWORK, "one_artefact"))
    return [row | {"trained_on": trained_on.get((row["name"], row["dataset"]))} for row in rows]


def _unrunnable(table: Table) -> list[dict[str, Any]]:
    """Return the networks that only a chart knows, with the reason why they cannot be run."""
    why = {point.architecture: point.correction for point in table.folder.chart2016}
    return [row | {"why": why.get(row["name"])} for row in _rows(table.unrunnable, NETWORK)]


def _run(name: str, header: Header) -> dict[str, Any]:
    row = header.to_json()
    row["environment"].pop("host", None)  # a page is for everybody
    return {key: row[key] for key in _RUN} | {"run": name}


def _own_size(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[cells["own_size"].astype(bool)] if "own_size" in cells else cells


def _datasets(there: Iterable[str], first: str) -> list[dict[str, str]]:
    """The data sets that networks are for, beginning with the one that the page opens with."""
    keys = sorted(ordered_datasets(there), key=lambda key: key != first)
    return [{"key": key, "label": dataset_label(key)} for key in keys]


def _tints(paper: Any, families: Sequence[str]) -> dict[str, str]:
    with style.theme(paper):
        return style.hues(families)


def _figure(picture: Picture) -> dict[str, str]:
    return {
        "name": picture.name,
        "description": picture.description,
        "missing": picture.missing,
        "packed": picture.packed,
    }
