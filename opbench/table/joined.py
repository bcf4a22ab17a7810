"""Data frames that join the time of an artefact with the accuracy of the very same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from opbench.table.artefacts import JoinedArtefact
from opbench.table.measured import HERE, MeasuredAccuracy
from opbench.table.networks import ONE_VIEW

Accuracies = Mapping[tuple[str, str], MeasuredAccuracy]  # by artefact and data set

# An accuracy, which a cell has of its own where its artefact was evaluated.
TOP1 = (
    *("top1", "top1_low", "top1_high", "top5", "protocol", "single_crop", "source", "source_url"),
    *("top1_measured", "evaluation"),
)
_GAINS = ("times_faster", "top1_lost")
_OF_GAINS = tuple(f"{key}{end}" for key in _GAINS for end in ("", "_low", "_high"))
_NUMBERS = ("top1", "top1_low", "top1_high", "top5", *_OF_GAINS)
_FLAGS = ("single_crop", "top1_measured", "one_artefact", "on_frontier")
_OWN = (*TOP1, *_OF_GAINS, "one_artefact", "on_frontier")


def accuracies_of(artefacts: Iterable[JoinedArtefact]) -> Accuracies:
    """Return the accuracies of those that were evaluated."""
    return {
        (each.cell.artefact, each.dataset): each.accuracy for each in artefacts if each.accuracy
    }


def with_accuracies(cells: pd.DataFrame, accuracies: Accuracies) -> pd.DataFrame:
    """Give cells, beside the columns of their networks, the accuracies of their own artefacts.

    ``one_artefact`` is true of those; of the others ``joined`` says what was joined.  An accuracy
    of the reader's own wins over every other.
    """
    found = _found(cells, accuracies)
    mine = pd.Series(cells.index.isin(list(found)), index=cells.index, dtype=bool)
    measured = pd.DataFrame([*map(_top1, found.values())], index=list(found), columns=[*TOP1])
    measured = measured.reindex(cells.index) if found else measured
    new = {column: cells[column].where(~mine, measured[column]) for column in TOP1 if found}
    joined = cells.assign(**new).astype({"top1_measured": object})
    told = cells[cells["top1_told"].notna() & ~mine]
    texts = pd.Series([*map(_joined, _rows(told))], index=told.index, dtype=object)
    said = pd.Series(None, index=cells.index, dtype=object)
    said[told.index] = texts
    return joined.assign(one_artefact=mine, joined=said)


def _found(cells: pd.DataFrame, accuracies: Accuracies) -> dict[Any, MeasuredAccuracy]:
    """Return the accuracies of cells by their place; cells may be a million, and these are few."""
    timed = cells[cells["artefact"].isin({artefact for artefact, _ in accuracies})]
    keys = zip(timed["artefact"], timed["dataset"], timed["own_accuracy"], strict=True)
    asked = zip(timed.index, keys, strict=True)
    return {
        place: accuracies[artefact, where]
        for place, (artefact, where, own) in asked
        if own is not True and (artefact, where) in accuracies
    }


def artefacts_frame(
    artefacts: Sequence[JoinedArtefact], cells: pd.DataFrame, networks: pd.DataFrame
) -> pd.DataFrame:
    """Return a row for each artefact; ``cells`` are their timings, in their order.

    An accuracy is that of the artefact, and missing where it was not evaluated.  times_faster and
    top1_lost are against eager float32, with the ends of their intervals; missing where that was
    not timed, or not evaluated on the same images.
    """
    home = networks.drop_duplicates("name").set_index("name")["dataset"]
    rows = [_own(each) | {"dataset": each.dataset or home.get(each.name)} for each in artefacts]
    own = pd.DataFrame(rows, columns=[*_OWN, "dataset"])
    own = own.astype(dict.fromkeys(_NUMBERS, float) | dict.fromkeys(_FLAGS, bool))
    facts = networks[["name", "dataset", "label", "family", "year"]]
    return cells.join(own).merge(facts, on=["name", "dataset"], how="left")


def _own(each: JoinedArtefact) -> dict[str, Any]:
    """Return the accuracy of an artefact, and what it loses and wins."""
    row = dict.fromkeys(_OWN) | (_top1(each.accuracy) if each.accuracy else {})
    row |= {"one_artefact": bool(each.accuracy), "on_frontier": each.on_frontier}
    for key in _GAINS:
        if found := getattr(each, key):
            row |= {key: found.estimate, f"{key}_low": found.low, f"{key}_high": found.high}
    return row


def _top1(accuracy: MeasuredAccuracy) -> dict[str, Any]:
    return {
        "top1": accuracy.top1.value,
        "top1_low": accuracy.top1.low,
        "top1_high": accuracy.top1.high,
        "top5": accuracy.top5.value if accuracy.top5 else None,
        "protocol": accuracy.protocol,
        "single_crop": accuracy.protocol in ONE_VIEW,
        "source": f"{HERE}, evaluation {accuracy.evaluation}",
        "source_url": None,
        "top1_measured": True,
        "evaluation": accuracy.evaluation,
    }


def _rows(cells: pd.DataFrame) -> Iterator[Mapping[Any, Any]]:
    columns = ["top1_told", "top1_weights", "weights_sha256", "random_weights", "runtime"]
    yield from cells[[*columns, "precision"]].to_dict("records")


def _joined(row: Mapping[Any, Any]) -> str:
    """Say what stands beside what."""
    both = row["top1_weights"], row["weights_sha256"]
    other = all(isinstance(each, str) for each in both) and both[0] != both[1]
    whose = "random weights" if row["random_weights"] else "other weights" if other else ""
    time = " of ".join(filter(None, ("time", whose)))
    return f"{row['top1_told']}, {time} in {row['precision']}, {row['runtime']}"
