"""The sentences that stand under a figure: who says so, and how was it counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opbench import __version__
from opbench.figures._options import Options
from opbench.table import Table

DATASETS = {
    "imagenet": "ImageNet",
    "imagenet128": "ImageNet at 128 pixels",
    "cifar10": "CIFAR-10",
    "mnist": "MNIST",
    "cityscapes": "Cityscapes",
}

FRONTIER = "The stepped line joins the networks that no other beats in both directions."
TOP1_INTERVAL = "Vertical whiskers: 95 % interval of a proportion, from the number of test images."

MEMORY = (
    "Peak memory beyond what was there before the network's first pass: of the device's allocator "
    "on a GPU, of the resident memory of the process on a CPU."
)


def counted(options: Options) -> str:
    """How the operations were counted."""
    return (
        f"Counts: opbench {__version__}, one forward pass of one image at the network's own input "
        f"size; convolutions, linear layers and products of tensors only; {options.convention}."
    )


def sources(frame: pd.DataFrame) -> str:
    """Who published the accuracies of ``frame``, most used first, without the page and table."""
    rows = frame.drop_duplicates("name").dropna(subset=["source"])
    short = rows["source"].str.partition(",")[0].str.strip()
    ranked = rows.groupby(short)["name"].agg(["size", "min"])
    ranked = ranked.sort_values(["size", "min"], ascending=[False, True])
    listed = ", ".join(f"{source} ({row['size']})" for source, row in ranked.iterrows())
    return f"Accuracies as published: {listed}; `opbench show` says where." if listed else ""


def protocols(frame: pd.DataFrame) -> str:
    """Which accuracies are not those of a single central crop, and what they are instead."""
    other = frame[~frame["single_crop"] & frame["top1"].notna()].drop_duplicates("name")
    groups = other.sort_values("label").groupby("protocol")["label"].agg(", ".join)
    listed = "; ".join(f"{labels}: {protocol}" for protocol, labels in groups.items())
    return f"Not known to be a single central crop: {listed}." if listed else ""


def caption(frame: pd.DataFrame, options: Options, *more: str) -> str:
    """Counting rule, sources and protocols of the accuracies, and whatever else must be known."""
    return joined(counted(options), sources(frame), protocols(frame), *more)


def joined(*parts: str) -> str:
    """One paragraph each, the empty ones left out."""
    return "\n".join(part for part in parts if part)


def timed(table: Table, frame: pd.DataFrame) -> str:
    """Run, machine, protocol and date of the timings in ``frame``."""
    headers = {str(header.get("run")): header for header in table.runs}
    runs = sorted(set(frame["run"]))
    first = frame.iloc[0]
    kinds = [str(first["dtype"]), *([str(first["variant"])] if pd.notna(first["variant"]) else [])]
    machine = f"{first['machine']} ({first['device']}), {', '.join(kinds)}"
    return (
        f"Timings: {machine}; {_software(headers.get(runs[-1], {}))}; run {', '.join(runs)}; "
        "median of one forward pass in evaluation mode, whiskers its 95 % interval."
    )


def _software(header: Mapping[str, Any]) -> str:
    environment = header.get("environment", {})
    protocol = header.get("protocol", {})
    words = [f"PyTorch {environment['torch']}" if "torch" in environment else "PyTorch"]
    if "torch_threads" in environment:
        words.append(f"{environment['torch_threads']} threads")
    if "precision" in protocol and "max_seconds" in protocol:
        words.append(
            f"until the median is known to {100 * protocol['precision']:g} % "
            f"or {protocol['max_seconds']:g} s"
        )
    return ", ".join(words)
