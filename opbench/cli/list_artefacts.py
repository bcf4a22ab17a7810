"""``opbench list --runtime``: artefacts, each with the time and the accuracy of the very same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from opbench.cli.list_filters import Filters
from opbench.cli.options import words
from opbench.cli.render import note, plural
from opbench.errors import BadValueError, MissingDataError
from opbench.names import find, matching
from opbench.runtimes import names as runtime_names
from opbench.spec import dataset_label, ordered_datasets
from opbench.table.frontier import pareto

if TYPE_CHECKING:
    from opbench.table import Folder
    from opbench.table.artefacts import JoinedArtefact
    from opbench.table.networks import Network

ALL = "all"


def parse_runtimes(text: str) -> tuple[str, ...]:
    """Read "all" or a list of runtimes, with or without their mode.

    Raises ``UnknownNameError``.
    """
    given = [each for each in words(text) if each]
    if not given:
        raise BadValueError(f"--runtime must be all, or of {', '.join(runtime_names())}; not ''")
    if ALL in given:
        return ()
    return tuple(
        find("runtime", name, runtime_names()) + colon + mode
        for name, colon, mode in (each.partition(":") for each in given)
    )


def artefacts_of(
    folder: Folder, globs: Sequence[str], runtimes: Sequence[str], device: str
) -> list[JoinedArtefact]:
    """Return the artefacts timed on one image by the usual settings, on the machine timed last.

    ``device`` is what the machines of ``folder`` were chosen by, "" for a CPU; "all" are all.
    """
    there = [each for each in folder.artefacts if device or each.cell.conditions.device == "cpu"]
    usual = [each for each in there if _is_usual(each)]
    labels = {each.name: each.label for each in folder.networks}
    machine = max(usual, key=lambda each: each.cell.run).cell.conditions.machine if usual else ""
    return [
        each
        for each in usual
        if device == ALL or each.cell.conditions.machine == machine
        if not runtimes or _is_of(each, runtimes)
        if not globs or any(matching(glob, [each.name, labels[each.name]]) for glob in globs)
    ]


def untimed(globs: Sequence[str], runtimes: Sequence[str], folder: Path) -> MissingDataError:
    """Return the error that says what to run where no artefact was timed."""
    chosen = " ".join(map(quote, globs)) or "TARGET"
    asked = ",".join(runtimes or runtime_names())
    return MissingDataError(
        f"--runtime: no timing of one image in {asked} in {folder} names its artefact, as those of "
        f"older versions do not: `opbench run {chosen} --weights FILE --runtime {asked}` measures "
        "one, and `opbench evaluate` with the same --weights and --runtime its accuracy"
    )


def chosen(
    artefacts: Sequence[JoinedArtefact], folder: Folder, filters: Filters, most_s: float | None
) -> list[tuple[JoinedArtefact, Network]]:
    """Return the artefacts within the limits with their networks, the most accurate first."""
    networks = {(each.name, each.dataset): each for each in (*folder.elsewhere, *folder.networks)}
    home = {each.name: each for each in folder.networks}
    quick = [each for each in artefacts if most_s is None or each.cell.latency_s <= most_s]
    pairs = [(each, networks.get((each.name, each.dataset)) or home[each.name]) for each in quick]
    admitted = {id(each) for each in filters.admitted([network for _, network in pairs])}
    found = [(each, network) for each, network in pairs if id(network) in admitted]
    if filters.best is not None or filters.frontier:
        found = _of_one_dataset(found)
    if filters.frontier:
        points = [(each.cell.latency_s, each.top1 or 0.0) for each, _ in found]
        found = [found[at] for at in pareto(points)]
    return sorted(found, key=_rank)[: filters.best]


def _of_one_dataset(
    found: Sequence[tuple[JoinedArtefact, Network]],
) -> list[tuple[JoinedArtefact, Network]]:
    """Return the artefacts whose accuracies compare, and say how many do not."""
    datasets = ordered_datasets(each.dataset for each, _ in found if each.dataset)
    kept = [(each, network) for each, network in found if each.dataset in datasets[:1]]
    if left := len(found) - len(kept):
        where = f" on {dataset_label(datasets[0])}" if datasets else ""
        note(
            f"{plural(left, 'artefact')} left out of the ranking: not evaluated{where}: `opbench "
            "evaluate` with the same --weights and --runtime measures its accuracy"
        )
    return kept


def _rank(pair: tuple[JoinedArtefact, Network]) -> tuple[float, float]:
    each, _ = pair
    return -(each.top1 or 0.0), each.cell.latency_s


def _is_usual(each: JoinedArtefact) -> bool:
    cell = each.cell
    return (cell.batch_size, cell.conditions.variant) == (1, "")


def _is_of(each: JoinedArtefact, runtimes: Sequence[str]) -> bool:
    cell = each.cell.record.cell
    return cell.runtime in runtimes or f"{cell.runtime}:{cell.compile}" in runtimes
