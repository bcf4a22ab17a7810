"""The sentences that stand under a figure: who says so, and how was it counted."""

from __future__ import annotations

import pandas as pd

from opbench import __version__
from opbench.figures._options import Options

DATASETS = {
    "imagenet": "ImageNet",
    "imagenet128": "ImageNet at 128 pixels",
    "cifar10": "CIFAR-10",
    "mnist": "MNIST",
    "cityscapes": "Cityscapes",
}


def counted(options: Options) -> str:
    """How the operations were counted."""
    return (
        f"Counts: opbench {__version__}, one forward pass of one image at the network's own input "
        f"size; convolutions, linear layers and products of tensors only; {options.convention}."
    )


def sources(frame: pd.DataFrame) -> str:
    """Who published the accuracies of ``frame``, most used first."""
    ranked = frame.dropna(subset=["source"]).groupby("source")["name"].agg(["size", "min"])
    ranked = ranked.sort_values(["size", "min"], ascending=[False, True])
    listed = "; ".join(f"{source} ({row['size']})" for source, row in ranked.iterrows())
    return f"Accuracies, each as its source printed it: {listed}." if listed else ""


def protocols(frame: pd.DataFrame) -> str:
    """Which accuracies are not those of a single central crop, and what they are instead."""
    other = frame[~frame["single_crop"] & frame["top1"].notna()].sort_values(["protocol", "label"])
    groups = other.groupby("protocol")["label"].agg(", ".join)
    listed = "; ".join(f"{labels}: {protocol}" for protocol, labels in groups.items())
    return f"Not known to be a single central crop: {listed}." if listed else ""


def caption(frame: pd.DataFrame, options: Options, *more: str) -> str:
    """Counting rule, sources and protocols of the accuracies, and whatever else must be known."""
    return "\n".join(
        part for part in (counted(options), sources(frame), protocols(frame), *more) if part
    )
