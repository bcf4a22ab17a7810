"""Experiments of the module study with training: decay, mini-batch, images, labels, stride.

These change no count, so they are no architectures of the registry and have no row among the
published accuracies.  Unless a row says otherwise the network is CaffeNet128 with ReLU, trained on
1,200,000 images of 128 x 128 in 320,000 mini-batches of 256, at a rate of 0.01 that falls to a
tenth every 100,000.  Top-1 in percent is of one central crop of each of 50,000 images.

Reference:
    D. Mishkin, N. Sergievskiy, J. Matas.  "Systematic Evaluation of Convolution Neural Network
    Advances on the ImageNet."  CVIU 2017.  arXiv:1606.02228.  Each row links its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from opbench.files import RowError, percent, read_rows

FILE = Path(__file__).with_name("experiments.csv")
COLUMNS = ("experiment", "setting", "top1", "source_url")

Experiment = Mapping[str, float]


@cache
def load_experiments() -> Mapping[str, Experiment]:
    """Top-1 by setting of each experiment.  Raises ``BadFileError`` naming file and line."""
    found: dict[str, dict[str, float]] = {}
    for _, (experiment, setting, top1) in read_rows(FILE, COLUMNS, _row):
        found.setdefault(experiment, {})[setting] = top1
    return found


def _row(row: dict[str, str]) -> tuple[str, str, float]:
    top1 = percent(row, "top1")
    if top1 is None or not all(row.values()):
        raise RowError("a cell is empty: fill in all four")
    return row["experiment"], row["setting"], top1
