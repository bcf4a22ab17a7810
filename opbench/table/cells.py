"""One row per measured cell of the runs.

A cell is a network at a batch size, in a data type, on a machine.  Where several runs measured
the same cell the latest counts; the run's name stands in the row.  Rates and intervals per image
follow here, once, from the seconds of a whole forward pass.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd

from opbench.runs.store import Run
from opbench.table.checks import Kind, checked

CELL_COLUMNS: Mapping[str, Kind] = {
    "name": "text",
    "run": "text",
    "machine": "text",
    "device": "text",
    "dtype": "text",
    "variant": "optional text",
    "batch_size": "count",
    "input_size": "text",
    "params": "count",
    "macs": "count",
    "activations": "count",
    "median_s": "positive",
    "low_s": "positive",
    "high_s": "positive",
    "weight_bytes": "optional positive",
    "traffic_bytes": "optional positive",
    "peak_memory_bytes": "optional positive",
    "energy_j": "optional positive",
    "power_w": "optional positive",
    "idle_power_w": "optional positive",
    "quality": "optional text",
}

CEILING_COLUMNS: Mapping[str, Kind] = {
    "name": "text",
    "run": "text",
    "machine": "text",
    "device": "text",
    "dtype": "text",
    "peak_flops_per_s": "positive",
    "bandwidth_bytes_per_s": "positive",
}

FAILURE_COLUMNS: Mapping[str, Kind] = {
    "name": "text",
    "run": "text",
    "machine": "text",
    "device": "text",
    "dtype": "text",
    "variant": "optional text",
    "batch_size": "count",
    "input_size": "optional text",
    "reason": "text",
}

_CELL = ["name", "machine", "device", "dtype", "variant", "batch_size"]

# What a sweep may vary beside batch size and data type, and on a GPU a run; the usual value goes
# without saying.
_USUAL = {"memory_format": "contiguous", "compile": None, "threads": None}
_USUAL_ON_GPU = {"graph": False, "l2": "warm", "tf32": False}

_OF_NETWORK = [
    *("label", "family", "year", "dataset", "flops", "density", "peak_activation_bytes"),
    *("top1", "top5", "top1_low", "top1_high", "single_crop", "protocol"),
]


def read_ceilings(runs: Sequence[Run]) -> pd.DataFrame:
    """What each device was seen to reach in each run and data type: medians over its rounds."""
    frames = [_frame(run, "ceilings", CEILING_COLUMNS) for run in runs]
    whole = pd.concat([pd.DataFrame(columns=[*CEILING_COLUMNS]), *frames], ignore_index=True)
    where, values = ["run", "machine", "device", "dtype"], [*CEILING_COLUMNS][-2:]
    return whole.astype(dict.fromkeys(values, float)).groupby(where)[values].median().reset_index()


def read_cells(runs: Sequence[Run]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measured cells and failures of ``runs``, oldest run first; the latest of a cell is kept.

    Raises ``BadFileError`` naming the run file and what is wrong with its record.
    """
    records, failed = [], []
    for run in runs:
        records.append(_frame(run, "record", CELL_COLUMNS))
        failed.append(_frame(run, "failure", FAILURE_COLUMNS))
    cells = _latest(records, CELL_COLUMNS)
    failures = _latest(failed, FAILURE_COLUMNS)
    mended = pd.MultiIndex.from_frame(failures[_CELL]).isin(pd.MultiIndex.from_frame(cells[_CELL]))
    return _per_image(cells), failures[~mended].reset_index(drop=True)


def strangers(cells: pd.DataFrame, known: Collection[str]) -> list[SimpleNamespace]:
    """What the runs themselves know of each network that is not in ``known``.

    Counts for one image are those of its smallest batch.  Such a network is taken
    for one of ImageNet's until a file of accuracies says otherwise.
    """
    new = cells[~cells["name"].isin(known)].sort_values(["name", "batch_size"])
    return [_stranger(row) for row in new.drop_duplicates("name").to_dict("records")]


def _stranger(row: Mapping[Any, Any]) -> SimpleNamespace:
    provider, _, attribute = str(row["name"]).rpartition(":")
    return SimpleNamespace(
        name=row["name"],
        label=attribute,
        family=provider if provider.isidentifier() else "your own",
        year=None,
        dataset="imagenet",
        input_size=row["input_size"],
        params=row["params"],
        macs=round(row["macs"]),
        activations=round(row["activations"]),
        weight_bytes=row["weight_bytes"],
        peak_activation_bytes=None,
    )


def measured(cells: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """``cells`` with the columns of their networks, and ``own_size``: was it the input size of
    the network's paper."""
    facts = networks[["name", "input_size", "weight_bytes", *_OF_NETWORK]]
    joined = cells.merge(facts, on="name", how="left", suffixes=("", "_of_paper"))
    return joined.assign(
        own_size=joined["input_size"] == joined["input_size_of_paper"],
        weight_bytes=joined["weight_bytes"].fillna(joined["weight_bytes_of_paper"]).astype(float),
    )


def _frame(run: Run, kind: str, columns: Mapping[str, Kind]) -> pd.DataFrame:
    rows = [{**line, **_where(run.header, line)} for line in run.of_kind(kind)]
    frame = pd.DataFrame(rows).reindex(columns=[*columns])
    return checked(frame, columns, str(run.path))


def _where(header: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, str | None]:
    environment = header.get("environment", {})
    on_gpu = str(line.get("device", "")).startswith("cuda")
    machine = environment.get("gpu" if on_gpu else "cpu") or line.get("device")
    odd = _odd(line, _USUAL) + (_odd(header.get("cuda", {}), _USUAL_ON_GPU) if on_gpu else [])
    return {
        "name": line.get("name", f"{line['kind']} of {line.get('device')}"),
        "run": header.get("run"),
        "machine": machine,
        "variant": ", ".join(odd) or None,
    }


def _odd(settings: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    """What is set otherwise than usual, in words."""
    odd = {key: settings[key] for key, value in usual.items() if settings.get(key, value) != value}
    return [key if value is True else f"{key} {value}" for key, value in odd.items()]


def _latest(frames: Sequence[pd.DataFrame], columns: Mapping[str, Kind]) -> pd.DataFrame:
    filled = [frame for frame in frames if not frame.empty]
    if not filled:
        return pd.DataFrame(columns=[*columns])
    return pd.concat(filled, ignore_index=True).drop_duplicates(
        [*_CELL, "input_size"], keep="last", ignore_index=True
    )


def _per_image(cells: pd.DataFrame) -> pd.DataFrame:
    batch = cells["batch_size"].astype(float)
    seconds = cells[["median_s", "low_s", "high_s"]].astype(float)
    power = cells["power_w"].astype(float)
    return cells.assign(
        batch_size=cells["batch_size"].astype(int),
        latency_s=seconds["median_s"],
        latency_s_low=seconds["low_s"],
        latency_s_high=seconds["high_s"],
        latency_per_image_s=seconds["median_s"] / batch,
        latency_per_image_s_low=seconds["low_s"] / batch,
        latency_per_image_s_high=seconds["high_s"] / batch,
        throughput_images_per_s=batch / seconds["median_s"],
        throughput_images_per_s_low=batch / seconds["high_s"],
        throughput_images_per_s_high=batch / seconds["low_s"],
        peak_memory_bytes=cells["peak_memory_bytes"].astype(float),
        # The sensors report joules; power is what the paper draws.
        power_w=power.fillna(cells["energy_j"].astype(float) / seconds["median_s"]),
        energy_j=cells["energy_j"].astype(float) / batch,
        macs=cells["macs"].astype(float) / batch,
        activations=cells["activations"].astype(float) / batch,
    )
