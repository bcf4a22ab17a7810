"""The sentence for networks that a reader named and that a figure cannot show.

The rule it embodies: the advice helps.  A network of another data set is sent to another figure,
and one that was only counted to ``opbench run``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from opbench.errors import BadValueError, MissingDataError, OpbenchError, UnknownNameError, either
from opbench.figures.parts.options import Options
from opbench.metrics import METRICS
from opbench.names import is_target, matching
from opbench.registry.hints import not_registered
from opbench.spec import dataset_label, ordered_datasets
from opbench.table.frames import Table

# Figures that show the networks of a data set; of one that is not listed, those of OTHERS.
OTHERS = ("accuracy-vs-ops-others", "density", "top1")
SHOWN_BY = {
    "imagenet": ("accuracy-vs-ops", "density", "top1"),
    "imagenet128": ("modules", "density", "top1"),
    "none": (),
}

# The word of --label for the networks on the frontier.
FRONTIER = "frontier"

_LISTED = 3  # names in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The networks that a figure takes: their data sets (any, where there is none), and the
    metrics that have to be known of them.
    """

    datasets: Sequence[str] = ()
    metrics: Sequence[str] = ("top1",)


IMAGENET = Needs(datasets=("imagenet",))


def dataset_of(table: Table, options: Options) -> str:
    """Return the data set of a figure of one: the reader's choice, or that of the table.

    The networks of the libraries and the chart of 2016 are of ImageNet.  Raises ``BadValueError``
    where they are asked for on another.
    """
    (imagenet,) = IMAGENET.datasets
    over = "--zoo" if options.zoo else "--overlay" if options.chart2016 else ""
    if over and options.dataset not in ("", imagenet):
        raise BadValueError(f"{over} draws networks of ImageNet: remove it, or --dataset")
    return options.dataset or (imagenet if over else table.dataset)


def check_known(table: Table, options: Options) -> None:
    """Raise the error for a network to highlight or to label that is nowhere in ``table``."""
    for target in (*options.highlight, *options.label):
        if target == FRONTIER or matching(target, table.networks["name"]):
            continue
        if of_zoo(table.zoo, (target,)).any():
            continue
        if matching(target, table.unrunnable["name"]):
            raise MissingDataError(
                f"{target} was never defined in print, so nothing of it was counted: it is in "
                "chart2016, density and top1"
            )
        raise _nowhere(target, list(table.networks["name"]))


def _nowhere(target: str, names: Sequence[str]) -> OpbenchError:
    if is_target(target):
        return MissingDataError(
            f"{target!r} is in no registry and no run here: `opbench run {target}` counts and "
            "times it"
        )
    if ":" in target:
        see = "`opbench run` adds networks of your own"
        return UnknownNameError("network", target, names, see=see)
    return not_registered(target, names)


def check_shown(frame: pd.DataFrame, table: Table, options: Options, needs: Needs) -> None:
    """Raise ``MissingDataError`` where ``frame`` has no network of those that an option names; each
    network to highlight has to be there."""
    networks = table.everywhere
    asked = {
        f"--family {','.join(options.families)}": _of(networks, "family", options.families),
        **{each: _of(networks, "name", (each,)) for each in options.highlight},
    }
    if FRONTIER not in options.label:
        asked[f"--label {','.join(options.label)}"] = _of(networks, "name", options.label)
    for words, rows in asked.items():
        if not rows.empty and not frame["name"].isin(rows["name"]).any():
            why = _why(rows, frame, table, options, needs)
            raise MissingDataError(f"{words} has no point in this figure: {why}")


def check_batches(frame: pd.DataFrame, options: Options, sizes: Sequence[int]) -> None:
    """Raise ``MissingDataError`` where no highlighted network was timed at one of ``sizes``."""
    lit = frame[frame["lit"]]
    if options.highlight and not lit["batch_size"].isin(sizes).any():
        drawn, timed = (
            " and ".join(map(str, each)) for each in (sizes, sorted(set(lit["batch_size"])))
        )
        raise MissingDataError(
            f"{_names(lit)} was timed at batch size {timed}, not at {drawn}: choose it with "
            "--batch-size"
        )


def unknown(key: str, needs: Needs) -> str:
    """Return the sentence for a metric that is known of no network that ``needs`` takes."""
    metric = METRICS[key]
    remedy = metric.remedy or "`opbench run` gives it"
    if metric.of == "cell":
        return f"no {metric.label} was measured: {remedy}"
    of = either([dataset_label(each) for each in needs.datasets]) if needs.datasets else "any kind"
    return f"no {metric.label} of a network of {of} is known: {remedy}"


def fits(name: str, globs: Iterable[str]) -> bool:
    """Return whether one of ``globs`` matches ``name``."""
    return any(matching(glob, (name,)) for glob in globs)


def of_zoo(zoo: pd.DataFrame, globs: Iterable[str]) -> pd.Series[bool]:
    """Return which weights of the libraries ``globs`` match; one without a dot is of networks."""
    found = pd.Series(data=False, index=zoo.index)
    for glob in globs:
        column = zoo["name" if "." in glob else "architecture"]
        found |= column.isin(matching(glob, column.unique()))
    return found


def _of(networks: pd.DataFrame, column: str, globs: Sequence[str]) -> pd.DataFrame:
    return networks[networks[column].map(lambda each: fits(each, globs)).astype(bool)]


def _why(
    rows: pd.DataFrame, frame: pd.DataFrame, table: Table, options: Options, needs: Needs
) -> str:
    """Return why none of ``rows`` is in ``frame``: the reason of those that come closest."""
    here = rows[rows["dataset"].isin(needs.datasets or rows["dataset"])]
    if here.empty:
        return _other_dataset(rows, needs)
    if options.families and _of(here, "family", options.families).empty:
        return f"--family {','.join(options.families)} leaves out {_names(here)}"
    of_network, of_cells = (
        [key for key in needs.metrics if METRICS[key].of == of] for of in ("network", "cell")
    )
    if lacking := [key for key in of_network if _none(here, key)]:
        key = lacking[0]
        remedy = METRICS[key].remedy or f"`opbench run {here['name'].iloc[0]}` gives it"
        return f"no {METRICS[key].label} of {_names(here)} is known: {remedy}"
    return _untimed(here, frame, table, of_cells[0])


def _none(rows: pd.DataFrame, key: str) -> bool:
    return bool(rows[key].isna().all())


def _other_dataset(rows: pd.DataFrame, needs: Needs) -> str:
    key = ordered_datasets(rows["dataset"])[0]
    takes = either([dataset_label(each) for each in needs.datasets])
    start = f"it takes networks of {takes} only, and {_names(rows)} is"
    figures = SHOWN_BY.get(key, OTHERS)
    if not figures:
        return f"{start} of no data set: `opbench show` has its counts"
    return f"{start} of {dataset_label(key)}, which {', '.join(figures)} show"


def _untimed(rows: pd.DataFrame, frame: pd.DataFrame, table: Table, key: str) -> str:
    names, run = _names(rows), f"`opbench run {' '.join(rows['name'][:_LISTED])}`"
    cells = table.cells[table.cells["name"].isin(rows["name"])]
    if cells.empty:
        return f"{names} was counted, but not timed: run {run}"
    own = cells[cells["own_size"].astype(bool)]
    if own.empty:
        sizes = either(sorted(set(cells["input_size"])))
        return f"{names} was timed at {sizes} only, which is not the size drawn: run {run}"
    if _none(own, key):
        return f"no {METRICS[key].label} of {names} was measured: {METRICS[key].remedy or run}"
    return f"{names} was timed, but not under the settings that are drawn: {_settings(own, frame)}"


def _settings(own: pd.DataFrame, frame: pd.DataFrame) -> str:
    """Return the options that draw the settings of ``own``, as far as they differ."""
    there = own.iloc[-1]
    differ = [each for each in ("device", "dtype") if not (frame[each] == there[each]).any()]
    chosen = " ".join(f"--{each} {there[each]}" for each in differ)
    return f"draw those with {chosen}" if chosen else "run it under the same"


def _names(rows: pd.DataFrame) -> str:
    names = list(dict.fromkeys(rows["name"]))
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
