"""A results folder of five networks that were evaluated on Fashion-MNIST, with made-up answers.

Three are built in and of MNIST otherwise, two are the user's; a made-up run has
the counts and times of all five.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.registry import counts_csv
from opbench.registry.counts_csv import NetworkRow
from opbench.spec import Shape
from tests import builders
from tests.evaluations import write_evaluation
from tests.made_up import HEADER, record

IMAGES = 10_000

# Right answers of 10,000.
RIGHT = {
    "lenet5": 8_893,
    "ciresan_mlp": 8_951,
    "ciresan_mlp_9x1000": 8_962,
    "small.py:net": 9_066,
    "small.py:wide_net": 9_254,
}
_MINE = {"small.py:net": (24_000, 1_300_000), "small.py:wide_net": (310_000, 16_800_000)}


def answers(right: int, of: int = IMAGES) -> str:
    """The signs of ``tests.evaluations`` for ``of`` images, of which so many are right."""
    return "1" * right + "0" * (of - right)


def protocol(size: Shape) -> Preprocessing:
    """Whole grey images, resized to the size of a network's input."""
    return Preprocessing(resize=Shape(size[1:]), channels=1, source="options")


def network_rows() -> list[NetworkRow]:
    """The counts of the five, as of entries of the registry."""
    known = {row.name: row for row in counts_csv.load()}
    mine = {
        name: replace(known["lenet5"], name=name, params=params, macs=macs, input_size=_SIZE)
        for name, (params, macs) in _MINE.items()
    }
    return [(known | mine)[name] for name in RIGHT]


_SIZE = Shape((1, 28, 28))


def write_board(results: Path) -> Path:
    """Write the run and the evaluations, and return the folder."""
    rows = network_rows()
    builders.write_run(results, *(record(row, 1) for row in rows), first=HEADER)
    for number, row in enumerate(rows):
        write_evaluation(
            results,
            row.name,
            answers(RIGHT[row.name]),
            stem=f"20261127T1200{number:02}Z-7",
            dataset="fashion_mnist",
            preprocessing=protocol(row.input_size),
            batch_size=1000,
        )
    return results
