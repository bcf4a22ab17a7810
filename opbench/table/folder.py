"""A results folder, read once into typed values; figures, claims and page are views of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from opbench.accuracy import ChartPoint, load_chart2016, primaries
from opbench.accuracy.measured.store import read_evaluations
from opbench.errors import UnknownNameError
from opbench.registry import counts_csv
from opbench.runs.lines import Header
from opbench.runs.store import read_runs
from opbench.table.artefacts import JoinedArtefact, evaluated_artefacts, join_artefacts
from opbench.table.cells import (
    DeviceCeilings,
    FailedCell,
    TimedCell,
    differing_note,
    is_of,
    latest,
    read_ceilings,
    read_failed,
    read_timed,
    training_note,
)
from opbench.table.evaluated import with_measured
from opbench.table.machines import tell_apart
from opbench.table.networks import Network, read_networks
from opbench.table.own import with_own_accuracies


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Everything that a results folder says, with the registry's counts and accuracies.

    ``networks`` have each name once; ``elsewhere`` are the same networks on other data sets than
    their own, where they were evaluated.  ``artefacts`` join what was timed with the accuracy of
    the very same.  ``runs`` are the headers, oldest first, by the runs'
    names; ``notes`` are sentences that the reader must see: damaged lines, evaluations that are on
    no chart, rows of accuracies that match nothing.
    """

    networks: tuple[Network, ...]
    elsewhere: tuple[Network, ...] = ()
    cells: tuple[TimedCell, ...] = ()
    failures: tuple[FailedCell, ...] = ()
    artefacts: tuple[JoinedArtefact, ...] = ()
    ceilings: tuple[DeviceCeilings, ...] = ()
    runs: Mapping[str, Header] = field(default_factory=dict)
    chart2016: tuple[ChartPoint, ...] = ()
    notes: tuple[str, ...] = ()


def on_device(folder: Folder, wanted: str) -> Folder:
    """Return the folder with what the machines timed that ``--device`` names.

    Raises ``UnknownNameError`` where none of them is named.
    """

    def named(each: TimedCell | FailedCell | DeviceCeilings) -> bool:
        return is_of(each.conditions.machine, each.conditions.device, wanted)

    timed: list[TimedCell | FailedCell] = [*folder.cells, *folder.failures]
    if not any(map(named, timed)):
        machines = sorted({each.conditions.machine for each in timed})
        see = f"timed here: {', '.join(machines)}" if machines else "nothing was timed here"
        raise UnknownNameError("device", wanted, machines, see=see)
    return replace(
        folder,
        cells=tuple(filter(named, folder.cells)),
        failures=tuple(filter(named, folder.failures)),
        artefacts=tuple(each for each in folder.artefacts if named(each.cell)),
        ceilings=tuple(filter(named, folder.ceilings)),
    )


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """Suspend the search for circles, of which values have none: it takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@collecting_nothing()
def read_folder(results: Path, accuracies: Path | None = None) -> Folder:
    """Read ``results``; ``accuracies`` is a CSV file that wins over published and measured figures.

    Where the folder has no ``counts.csv``, the counts that come with the package are used.
    Raises ``BadFileError`` naming the file.
    """
    counts = results / "counts.csv"
    runs, damages = read_runs(results, summary=True)
    runs = tell_apart(runs)
    evaluations, more_damages = read_evaluations(results)
    evaluated = evaluated_artefacts(evaluations)
    timed = [*read_timed(runs)]
    cells = latest(timed, evaluated)
    rows = counts_csv.load(counts if counts.is_file() else None)
    records = [cell.record for cell in cells]
    networks = read_networks(rows, records, primaries())
    networks, elsewhere, unjoined = with_measured(networks, records, evaluations)
    said = (*damages, *more_damages)
    notes = (*map(str, said), *training_note(runs), *differing_note(runs), *unjoined)
    if accuracies is not None:
        networks, more = with_own_accuracies(networks, records, accuracies)
        notes += more
        there = {(each.name, each.dataset) for each in networks}
        elsewhere = tuple(each for each in elsewhere if (each.name, each.dataset) not in there)
    return Folder(
        networks=networks,
        elsewhere=elsewhere,
        cells=cells,
        failures=read_failed(runs, cells),
        artefacts=join_artefacts(timed, evaluated),
        ceilings=read_ceilings(runs),
        runs={run.name: run.header for run in runs},
        chart2016=load_chart2016(),
        notes=notes,
    )
