"""The sentences that stand under a figure: who says so, and how was it counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from opbench import __version__
from opbench.figures.parts.options import Options
from opbench.table import Table

DATASETS = {
    "imagenet": "ImageNet",
    "imagenet128": "ImageNet at 128 pixels",
    "cifar10": "CIFAR-10",
    "mnist": "MNIST",
    "cityscapes": "Cityscapes",
}

TOP1_INTERVAL = "Vertical whiskers: 95 % interval of a proportion, from the number of test images."

MEMORY = (
    "Peak memory, weights included: of the allocator on a GPU, growth of the resident memory of "
    "the measuring process on a CPU."
)
POWER = "Power is that of the whole device while forward passes run; its idle power is drawn apart."


def frontier(frame: pd.DataFrame) -> str:
    """What the stepped line joins, and who takes no part."""
    words = "The stepped line joins the networks that no other beats in both directions"
    if not frame["single_crop"].all():
        words += "; only accuracies of a single central crop compete"
    return f"{words}."


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
    """Run, machine, protocol and date of the timings in ``frame``, and how good they are."""
    runs = sorted(set(frame["run"]))
    headers = {str(header.get("run")): header for header in table.runs}
    known = [headers.get(run, {}) for run in runs]
    header = known[-1]
    date = str(header.get("started", "")).partition("T")[0]
    return (
        f"Timings: {_where(frame, header)}; run {', '.join(runs)}{f' of {date}' if date else ''}; "
        f"{_protocol(known)}.{_quality(frame)}"
    )


def _where(frame: pd.DataFrame, header: Mapping[str, Any]) -> str:
    first, environment = frame.iloc[0], header.get("environment", {})
    words = [f"{first['machine']} ({first['device']})", str(first["dtype"])]
    if frame["batch_size"].nunique() == 1:
        words.append(f"batch {first['batch_size']}")
    if isinstance(first["variant"], str):
        words.append(first["variant"])
    if first["device"] == "cpu" and "torch_threads" in environment:
        words.append(f"{environment['torch_threads']} threads")
    if "torch" in environment:
        words.append(f"PyTorch {environment['torch']}")
    return ", ".join(words)


def _protocol(headers: Sequence[Mapping[str, Any]]) -> str:
    protocols = [header.get("protocol", {}) for header in headers]
    words = "median time of a forward pass in evaluation mode and its 95 % interval"
    if rounds := _either(protocols, "rounds"):
        words += f" over {rounds} or more rounds"
    precision, seconds = _either(protocols, "precision", 100), _either(protocols, "max_seconds")
    if precision and seconds:
        words += f", until known to {precision} % or for {seconds} s"
    return words


def _either(protocols: Sequence[Mapping[str, Any]], key: str, scale: float = 1) -> str:
    """What the runs were given: ``2.5``, or ``2.5 or 2.2`` where they differ."""
    given = (f"{scale * each[key]:g}" for each in protocols if key in each)
    return " or ".join(dict.fromkeys(given))


def _quality(frame: pd.DataFrame) -> str:
    bad = frame["quality"].isin(["noisy", "unstable"]) if "quality" in frame else pd.Series([False])
    return f"  {bad.sum()} of {len(frame)} cells were noisy or unstable." if bad.any() else ""
