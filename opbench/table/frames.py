"""The values of a results folder as data frames, which figures select from and draw.

A column has the name of the attribute that it comes from; numbers that are missing are NaN, text
that is missing is None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from opbench.accuracy import ChartPoint
from opbench.metrics import columns
from opbench.spec import DATASETS, ordered_datasets
from opbench.table.cells import Conditions, DeviceCeilings, FailedCell, TimedCell, is_of
from opbench.table.folder import Folder, collecting_nothing, on_device, read_folder
from opbench.table.joined import TOP1, accuracies_of, artefacts_frame, with_accuracies
from opbench.table.networks import Network, published_only, zoo_networks
from opbench.table.timings import CELL, WHERE, timings_frame

# Where pyarrow is installed pandas would keep text in it, which takes no lone surrogate: a name may
# hold one.
pd.set_option("mode.string_storage", "python")

_OF_ACCURACY = ("protocol", "single_crop", "source", "source_url", "own_accuracy", "top1_measured")
_OF_EVALUATION = ("evaluation", "measured_top1", "measured_beside", "published_top1",
                  "published_source", "top1_verdict", "top1_told", "top1_weights")  # fmt: skip
_ON_FILE = ("entry", "zoo_row", "accuracy", "measured")
_FLAGS = ("single_crop", "own_accuracy", "top1_measured")
_OWN = tuple(each.name for each in fields(Network) if each.name not in _ON_FILE)
# What only the registry knows: the witness, what papers state, and the paper itself.
_OF_ENTRY = ("fvcore_macs", "onnx_macs", "witness_note", "uncounted", "stated_params",
             "stated_macs", "paper", "paper_url", "changes")  # fmt: skip
_NUMBERS_OF_NETWORK = columns("network")
_COMPUTED = tuple(dict.fromkeys((*_OWN, *_NUMBERS_OF_NETWORK, *_OF_ACCURACY, *_OF_EVALUATION)))
NETWORK = (*_COMPUTED, *_OF_ENTRY)
ZOO = ("name", "family", "dataset", "input_size", "trained_on", "comparable", *_NUMBERS_OF_NETWORK)
# Columns copied from the network, except those that the cell has.
_OF_NETWORK = tuple(dict.fromkeys((
    "label", "family", "year", "dataset", "own_accuracy", *TOP1, "top1_told", "top1_weights",
    *(column for column in _NUMBERS_OF_NETWORK if column not in CELL),
)))  # fmt: skip
FAILURE = ("name", *WHERE, "batch_size", "input_size", "reason")
CEILING = ("run", "machine", "device", "dtype", "peak_flops_per_s", "bandwidth_bytes_per_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything a figure may draw.

    folder       the typed values
    networks     one row per network: exact counts for one image, its accuracy
    elsewhere    the same for networks on other data sets than their own
    unrunnable   one row per network of the 2016 chart whose definition was never published
    cells        one row per measured cell of the runs and data set of its network, with the
                 network's columns beside it, and the accuracy of its artefact in place of the
                 network's where that was measured: ``one_artefact`` is true of those
    failures     one row per cell that could not be measured
    ceilings     the highest rates of each device in each run
    chart2016    the fourteen points of the 2016 chart
    zoo          one row per set of weights of a library and size of its images, where asked for
    """

    folder: Folder
    networks: pd.DataFrame
    elsewhere: pd.DataFrame
    unrunnable: pd.DataFrame
    cells: pd.DataFrame
    failures: pd.DataFrame
    ceilings: pd.DataFrame
    chart2016: pd.DataFrame
    zoo: pd.DataFrame

    @property
    def everywhere(self) -> pd.DataFrame:
        """The networks, and below them those that were evaluated on another data set."""
        return _below(self.networks, self.elsewhere)

    @property
    def artefacts(self) -> pd.DataFrame:
        """One row per artefact that was timed, in each setting: time and accuracy of the same."""
        artefacts = self.folder.artefacts
        cells = timings_frame([each.cell for each in artefacts])
        return artefacts_frame(artefacts, cells, self.everywhere)

    @property
    def published(self) -> pd.DataFrame:
        """Those networks, and below them those that were published but cannot be run."""
        return _below(self.everywhere, self.unrunnable)

    @property
    def dataset(self) -> str:
        """The data set that figures and page begin with.

        It is ImageNet's, unless accuracies were measured here on others only and no network of
        ImageNet with an accuracy was timed: then that of most of the measured ones.
        """
        main, *_ = DATASETS
        known = self.everywhere[self.everywhere["top1_measured"]]["dataset"]
        timed = self.cells[self.cells["top1"].notna()]["dataset"]
        if known.empty or main in {*known, *timed}:
            return main
        times = Counter(known)
        return max(ordered_datasets(times), key=times.__getitem__)

    @classmethod
    def of(cls, folder: Folder, zoo: Iterable[Network] = ()) -> Table:
        """Return the table of a folder that has been read, and of ``zoo``."""
        networks, elsewhere = map(networks_frame, (folder.networks, folder.elsewhere))
        cells = cells_frame(folder.cells, _below(networks, elsewhere))
        return cls(
            folder=folder,
            networks=networks,
            elsewhere=elsewhere,
            unrunnable=networks_frame(published_only(folder.chart2016)),
            cells=with_accuracies(cells, accuracies_of(folder.artefacts)),
            failures=failures_frame(folder.failures),
            ceilings=ceilings_frame(folder.ceilings),
            chart2016=chart2016_frame(folder.chart2016),
            zoo=zoo_frame(zoo),
        )


@collecting_nothing()
def load(
    results: Path, accuracies: Path | None = None, *, zoo: bool = False, device: str = ""
) -> Table:
    """Return the table of a results folder; the CSV ``accuracies`` wins over all other figures.

    ``zoo`` asks for the networks of the libraries, ``device`` for the timings of some machines
    alone.  Raises ``BadFileError`` naming the file, and ``UnknownNameError`` for the machines.
    """
    folder = read_folder(results, accuracies)
    return Table.of(on_device(folder, device) if device else folder, zoo_networks() if zoo else ())


def networks_frame(networks: Sequence[Network]) -> pd.DataFrame:
    """Return one row per network."""
    rows = (
        {column: getattr(network, column) for column in _COMPUTED}
        | {column: network.fact(column) for column in _OF_ENTRY}
        for network in networks
    )
    frame = _frame(rows, NETWORK)
    frame["input_size"] = frame["input_size"].map(str)
    lacking = [column for column in _NUMBERS_OF_NETWORK if frame[column].dtype == object]
    frame = frame.assign(one_artefact=[network.counted_alike for network in networks])
    return frame.astype({**dict.fromkeys(lacking, float), **dict.fromkeys(_FLAGS, bool)})


def _below(frame: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``frame``, and below them those of ``more``."""
    if more.empty:
        return frame
    return pd.concat([frame, more.dropna(axis="columns", how="all")], ignore_index=True)


def zoo_frame(networks: Iterable[Network]) -> pd.DataFrame:
    """Return one row per set of weights of a library and size of its images."""
    rows = (
        {column: getattr(network, column) for column in ZOO}
        | {"architecture": network.fact("architecture")}
        for network in networks
    )
    frame = _frame(rows, (*ZOO, "architecture"))
    frame["input_size"] = frame["input_size"].map(str)
    return frame.astype(dict.fromkeys(_NUMBERS_OF_NETWORK, float) | {"comparable": bool})


def cells_frame(cells: Sequence[TimedCell], networks: pd.DataFrame) -> pd.DataFrame:
    """Return one row per measured cell and data set of its network, with the network's columns.

    Counts and energy are per image.  ``own_size`` is true at the input size of the network's paper.
    """
    frame = timings_frame(cells)
    facts = networks[["name", "input_size", *_OF_NETWORK]]
    facts = facts.rename(columns={"input_size": "input_size_of_paper"})
    # Merged by their names alone, so that the cells are not copied.
    beside = frame[["name"]].reset_index().merge(facts, on="name", how="left")
    if len(beside) > len(frame):
        frame = frame.take(beside["index"].to_numpy()).reset_index(drop=True)
    frame = pd.concat([frame, beside.drop(columns=["index", "name"])], axis="columns")
    frame["own_size"] = frame["input_size"] == frame["input_size_of_paper"]
    return frame


def _frame(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> pd.DataFrame:
    """Return a frame of the columns ``names`` of ``rows``."""
    return pd.DataFrame([[row.get(name) for name in names] for row in rows], columns=[*names])


def of_device(frame: pd.DataFrame, wanted: str) -> pd.Series[bool]:
    """Return which rows of ``frame`` are of a device that ``--device`` names."""
    where = frame[["machine", "device"]].drop_duplicates()
    there = zip(where["machine"], where["device"], strict=True)
    named = {(machine, device) for machine, device in there if is_of(machine, device, wanted)}
    pairs = zip(frame["machine"], frame["device"], strict=True)
    return pd.Series([pair in named for pair in pairs], index=frame.index, dtype=bool)


def failures_frame(failures: Iterable[FailedCell]) -> pd.DataFrame:
    """Return one row per cell that could not be measured."""
    rows = [
        {
            "name": each.failure.cell.name,
            **_where(each.run, each.conditions),
            "batch_size": each.failure.cell.batch_size,
            "input_size": str(each.failure.cell.input_size),
            "reason": each.failure.reason,
        }
        for each in failures
    ]
    return pd.DataFrame(rows, columns=[*FAILURE])


def ceilings_frame(ceilings: Iterable[DeviceCeilings]) -> pd.DataFrame:
    """Return the highest rates of each device in each run and data type, of all rounds."""
    rows = [
        {**_where(each.run, each.conditions), **each.line.ceilings.to_json()} for each in ceilings
    ]
    frame = pd.DataFrame(rows, columns=[*CEILING])
    where, rates = [*CEILING[:4]], [*CEILING[4:]]
    return frame.astype(dict.fromkeys(rates, float)).groupby(where)[rates].max().reset_index()


def chart2016_frame(points: Iterable[ChartPoint]) -> pd.DataFrame:
    """Return the points of the 2016 chart: ``flops`` and ``params`` as printed there, in ones."""
    rows = [
        {
            "architecture": point.architecture,
            "name": point.label,
            "top1": point.top1_percent,
            "flops": point.gops_2xmac * 1e9,
            "params": point.params_millions * 1e6,
            "correction": point.correction or None,
        }
        for point in points
    ]
    columns = ["architecture", "name", "top1", "flops", "params", "correction"]
    return pd.DataFrame(rows, columns=columns)


def _where(run: str, conditions: Conditions) -> dict[str, str | None]:
    return {
        "run": run,
        "machine": conditions.machine,
        "device": conditions.device,
        "dtype": conditions.dtype,
        "runtime": conditions.runtime,
        "variant": conditions.variant or None,
    }
