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
    needs = _needs_of_cells(table, options, metrics)
    return _chosen(_one_setting(_timings(table, options, needs)), table, options, needs)


def in_runtimes(table: Table, options: Options, *metrics: str) -> pd.DataFrame:
    """Those cells at one batch, and all that differ from them in runtime or data type alone.

    Raises ``MissingDataError`` saying what to run, also where one runtime in one type is all.
    """
    needs = _needs_of_cells(table, options, metrics)
    frame = _timings(table, options, needs)
    (batch,) = batches(cells(table, options, *metrics), options, (1,), most=1)
    first = _one_setting(frame).iloc[0]
    same = [column for column in SETTING if column not in _OF_ARTEFACT]
    alike = (frame[same].fillna("") == first[same].fillna("")).all(axis=1)
    frame = frame[alike & (frame["batch_size"] == batch)]
    if len(frame[_OF_ARTEFACT].drop_duplicates()) < 2:
        raise MissingDataError(
            f"{first['runtime']} in {first['dtype']} is all that was timed here: run `opbench run "
            f"--device {first['device']} --runtime eager,onnxruntime,openvino`"
        )
    return _chosen(frame, table, options, needs)


def _needs_of_cells(table: Table, options: Options, metrics: Sequence[str]) -> Needs:
    return Needs(datasets=(dataset_of(table, options),), metrics=metrics or ("latency_s",))


def _timings(table: Table, options: Options, needs: Needs) -> pd.DataFrame:
    """The cells that the reader's choice leaves, in any setting.  Raises ``MissingDataError``."""
    frame = table.cells
    if frame.empty:
        begun = "; continue the one that was interrupted with `opbench run --resume`"
        raise MissingDataError(
            f"nothing was timed yet: run `opbench run`{begun if table.folder.runs else ''}"
        )
    frame = frame[frame["own_size"] & frame["dataset"].isin(needs.datasets)]
    frame = _at(frame, options, *needs.datasets)
    for key in needs.metrics:
        frame = frame.dropna(subset=[key])
        if frame.empty:
            raise MissingDataError(unknown(key, needs))
    return frame


def every_machine(table: Table, options: Options) -> pd.DataFrame:
    """The cells of every machine, or of those that ``--device`` names, at one batch and data type
    and in one runtime, with the usual settings: a network's latest on each machine.

    Raises ``MissingDataError`` saying what to run.
    """
    needs = _needs_of_cells(table, options, ())
    frame = _timings(table, options, needs)
    usual = frame["variant"].isna() & (frame["dtype"] == (options.dtype or USUAL["dtype"]))
    usual &= frame["runtime"] == (options.runtime or USUAL["runtime"])
    frame = _chosen(frame[usual], table, options, needs)
    (batch,) = batches(frame, options, (1,), most=1)
    ordered = frame[frame["batch_size"] == batch].sort_values(["run", "name"])
    return ordered.drop_duplicates(["name", "machine"], keep="last", ignore_index=True)


def points(table: Table, options: Options, x: str, y: str = "top1") -> pd.DataFrame:
    """Networks with a value of both metrics: of the registry where it has them, else of a run at
    one batch.

    Raises ``MissingDataError`` saying what to run.
    """
    if any(METRICS[key].of == "cell" for key in (x, y)):
        frame = _timed(table, options, x, y)
    else:
        needs = Needs(datasets=(dataset_of(table, options),), metrics=("top1", x, y))
        frame = networks(table, options, needs)
    return frame if "gain" in (METRICS[x].role, METRICS[y].role) else plain(frame)


def _timed(table: Table, options: Options, x: str, y: str) -> pd.DataFrame:
    frame = cells(table, options, x, y)
    (batch,) = batches(frame, options, (1,), most=1)
    return frame[frame["batch_size"] == batch].sort_values("name", ignore_index=True)


def of_families(frame: pd.DataFrame, options: Options) -> pd.DataFrame:
    """The rows of the families that the reader wants: all, unless some are named."""
    if not options.families:
        return frame
    return frame[
        frame["family"].map(lambda family: fits(str(family), options.families)).astype(bool)
    ]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Draw every network as a plain circle, whatever the protocol of its accuracy."""
    return frame.assign(single_crop=True, top1_measured=False, one_artefact=False)


def facts(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """The networks of the rows of ``frame``, which may be cells, with all that is known of them.

    A cell whose artefact was evaluated has its own accuracy.
    """
    own = frame[frame["one_artefact"].astype(bool)] if "run" in frame else frame.head(0)
    drawn = frame.drop(own.index)[["name", "dataset"]].drop_duplicates()
    known = table.everywhere.merge(drawn, on=["name", "dataset"])
    if own.empty:
        return known
    flags = dict.fromkeys(("single_crop", "own_accuracy", "top1_measured"), bool)
    return pd.concat([own, known], ignore_index=True).astype(flags)


def batches(
    frame: pd.DataFrame, options: Options, usual: Sequence[int], most: int | None = None
) -> list[int]:
    """The batch sizes that the reader wants, else those of ``usual`` that were measured.

    Raises ``MissingDataError`` when one that is wanted was not measured, or there are more than
    ``most`` of them: none is left out in silence.
    """
    wanted = options.batch_sizes
    if most and len(wanted) > most:
        raise MissingDataError(
            f"the figure has room for {most} of these {len(wanted)} batch sizes: name fewer"
        )
    measured = set(frame["batch_size"])
    there = [size for size in wanted or usual if size in measured]
    if lacking := [size for size in wanted if size not in measured] or (not there and [*usual]):
        sizes = ",".join(map(str, lacking))
        raise MissingDataError(
            f"nothing was timed at this batch size: run `opbench run --batch-size {sizes}`"
        )
    check_batches(frame, options, there)
    return there


def names(frame: pd.DataFrame, options: Options, best: pd.DataFrame | None = None) -> pd.DataFrame:
    """The ``label`` of each row, empty where none is wanted.

    ``must``: show it whatever it overlaps, since it was asked for or is one of the ``best``.
    ``ink``: its colour, muted for one of the best, in which a highlighted network finds its rivals.
    """
    globs = (*options.label, *options.highlight)
    frontier = set() if best is None else set(best["name"])
    on = frame["name"].isin(frontier)
    asked = frame["name"].map(lambda name: fits(name, globs)).astype(bool)
    must = asked | (on & (not globs or FRONTIER in globs))
    rivals = options.highlight and (not options.label or FRONTIER in options.label)
    grey = on & ~asked & bool(rivals)
    return pd.DataFrame(
        {
            "label": frame["label"].where(must | grey | (not globs), ""),
            "must": must,
            "ink": np.where(grey, colour("muted"), colour("ink")),
        }
    )


def without_prefix(labels: pd.Series[str]) -> list[str]:
    """The labels, those of variants without their network's: "elu" for "CaffeNet128 elu"."""
    whole = set(labels)
    parts = [label.partition(" ") for label in labels]
    return [rest if first in whole and rest else first + gap + rest for first, gap, rest in parts]


def _at(frame: pd.DataFrame, options: Options, dataset: str) -> pd.DataFrame:
    wanted, timed = options.device, sorted(set(frame["machine"]))
    if wanted:
        frame = frame[of_device(frame, wanted)]
    if options.dtype:
        frame = frame[frame["dtype"] == options.dtype]
    if options.runtime:
        frame = frame[frame["runtime"] == options.runtime]
    if frame.empty:
        asked = {"device": wanted, "dtype": options.dtype, "runtime": options.runtime}
        given = {option: value for option, value in asked.items() if value}
        flags = "".join(f" --{option} {value}" for option, value in given.items())
        raise MissingDataError(
            f"no timed cell is of {_a_network(dataset)} at its paper's input size"
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
