"""Select the rows that a figure draws: the reader's choice, or the one that shows most.

The rule it embodies: one figure, one machine, one data type, one setting.  Timings of two
machines never share an axis, and those of two runtimes or data types only where that is what the
figure is about.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from opbench.errors import MissingDataError, UnknownNameError
from opbench.figures.parts import captions
from opbench.figures.parts.absent import (
    FRONTIER,
    Needs,
    check_batches,
    check_known,
    check_shown,
    dataset_of,
    fits,
    unknown,
)
from opbench.figures.parts.options import Options
from opbench.figures.parts.style import colour
from opbench.metrics import METRICS
from opbench.names import matching
from opbench.record import USUAL
from opbench.spec import dataset_label
from opbench.table.frames import Table, of_device

_OF_ARTEFACT = ["runtime", "dtype"]
SETTING = ["machine", "device", "dtype", "runtime", "variant"]


def networks(table: Table, options: Options, needs: Needs | None = None) -> pd.DataFrame:
    """The networks that meet ``needs``, by default those of one data set with an accuracy, with
    ``lit``: true for those that are highlighted, or for all if none is.

    Raises ``MissingDataError`` when there is none, or none of those that the reader named, and
    ``UnknownNameError`` for a family or a network to name that is not there.
    """
    needs = needs or Needs(datasets=(dataset_of(table, options),))
    frame = table.everywhere
    if needs.datasets:
        frame = frame[frame["dataset"].isin(needs.datasets)]
    for key in needs.metrics:
        frame = frame.dropna(subset=[key])
        if frame.empty:
            raise MissingDataError(unknown(key, needs))
    return _chosen(frame, table, options, needs)


def cells(table: Table, options: Options, *metrics: str) -> pd.DataFrame:
    """The measured cells of one data set's networks at one setting that have a value of all
    ``metrics``, by default a latency.

    Raises ``MissingDataError`` saying what to run.
    """
            + "".join(
                f", {'on' if option == 'device' else 'in'} {given[option]}" for option in given
            )
            + f": run `opbench run{flags}`"
            + (f"; timed are {captions.listed(timed)}" if wanted and timed else "")
        )
    return frame


def _a_network(dataset: str) -> str:
    label = dataset_label(dataset)
    return f"{'an' if label[0] in 'AEIO' else 'a'} {label} network"


def _one_setting(frame: pd.DataFrame) -> pd.DataFrame:
    """The setting with the most cells, of those in eager execution where there are any; the latest
    run wins a tie."""
    keyed = frame.assign(variant=frame["variant"].fillna(""))
    ranked = keyed.groupby(SETTING)["run"].agg(["size", "max"]).reset_index()
    usual = ranked["runtime"] == USUAL["runtime"]
    best = ranked.assign(usual=usual).sort_values(["usual", "size", "max", *SETTING]).iloc[-1]
    return frame[(keyed[SETTING] == best[SETTING]).all(axis=1)]


def _chosen(frame: pd.DataFrame, table: Table, options: Options, needs: Needs) -> pd.DataFrame:
    known = set(table.networks["family"])
    for family in options.families:
        if not matching(family, known):
            raise UnknownNameError(
                "family", family, known, see=f"choose from {', '.join(sorted(known))}"
            )
    check_known(table, options)
    frame = of_families(frame, options)
    check_shown(frame, table, options, needs)
    lit = [not options.highlight or fits(name, options.highlight) for name in frame["name"]]
    return frame.assign(lit=lit)
