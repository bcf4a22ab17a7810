"""The sentences that stand under a figure: who says so, and how was it counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from opbench import __version__
from opbench.metrics import CONVENTION
from opbench.record import USUAL
from opbench.runs.lines import Header
from opbench.table.frames import Table

_LISTED = 24  # names in a sentence
_MACHINES = 4  # with their runs
_FEW = 6  # networks that a sentence names, of more their number

TOP1_INTERVAL = "Vertical whiskers: 95 % interval of a proportion, from the number of test images."

_MEMORY_METRIC = "peak_memory_bytes"
MEMORY = (
    "Peak memory, weights included: of the allocator on a GPU, growth of the resident memory of "
    "the measuring process on a CPU."
)
POWER = "Power is that of the whole device while forward passes run; its idle power is drawn apart."


def frontier(frame: pd.DataFrame) -> str:
    """Explain the stepped line of the Pareto frontier."""
    words = "The stepped line joins the networks that no other beats in both directions"
    if not frame["single_crop"].all():
        words += "; only accuracies of a single central crop compete"
    return f"{words}."


COUNTED = (
    f"Counts: opbench {__version__}, one forward pass of one image at the network's own input "
    f"size.  {CONVENTION}"
)


def sources(frame: pd.DataFrame) -> str:
    """Name the sources of the accuracies: published, of the reader's own, and measured here."""
    rows = frame.drop_duplicates(["name", "dataset", "source"]).dropna(subset=["source"])
    measured, others = (rows[rows["top1_measured"] == each] for each in (True, False))
    published, own = (_ranked(others[others["own_accuracy"] == each]) for each in (False, True))
    told = (
        _evaluations(measured),
        f"Accuracies as published: {published}; `opbench show` says where." if published else "",
        f"Accuracies of your own: {own}." if own else "",
    )
    return "  ".join(filter(None, told))


def joins(frame: pd.DataFrame, others: str = "Translucent") -> str:
    """Say which accuracies are of what was timed, and what was joined of the ``others``."""
    told = frame.dropna(subset=["joined"]) if "joined" in frame else frame.head(0)
    groups = told.groupby("joined")["label"].agg([listed, "size"]) if len(told) else told
    words = "; ".join(
        f"{joined} ({row['listed'] if row['size'] < _FEW else row['size']})"
        for joined, row in groups.iterrows()
    )
    solid = "Solid: time and accuracy of one artefact.  " if frame["one_artefact"].any() else ""
    return f"{solid}{others}: of several artefacts, {words}." if words else solid.strip()


def _evaluations(rows: pd.DataFrame) -> str:
    """Name the evaluation of each accuracy that was measured here; of several their number."""
    ordered = rows.sort_values("label", key=lambda labels: labels.str.lower())
    of_each = {
        str(label): [*each] for label, each in ordered.groupby("label", sort=False)["evaluation"]
    }
    named = listed(
        f"{label} ({each[0] if len(each) == 1 else f'{len(each)} evaluations'})"
        for label, each in of_each.items()
    )
    which = "; `opbench runs` lists them" if len(of_each) < len(ordered) else ""
    return f"Accuracies measured here, every image once: {named}{which}." if named else ""


def _ranked(rows: pd.DataFrame) -> str:
    """Name the sources of ``rows``, most used first, without page and table."""
    if rows.empty:
        return ""
    short = rows["source"].str.partition(",")[0].str.strip()
    ranked = rows.groupby(short)["name"].agg(["size", "min"])
    ranked = ranked.sort_values(["size", "min"], ascending=[False, True])
    return ", ".join(f"{source} ({row['size']})" for source, row in ranked.iterrows())


def protocols(frame: pd.DataFrame) -> str:
    """List the accuracies that are not of a single central crop, with their protocols."""
    other = frame[~frame["single_crop"] & frame["top1"].notna()].drop_duplicates("name")
    groups = other.sort_values("label").groupby("protocol")["label"].agg(listed)
    words = "; ".join(f"{labels}: {protocol}" for protocol, labels in groups.items())
    return f"Not known to be a single central crop: {words}." if words else ""


def caption(frame: pd.DataFrame, *more: str) -> str:
    """Counting rule, sources and protocols of the accuracies, and whatever else must be known."""
    return joined(COUNTED, sources(frame), protocols(frame), *more)


def listed(words: Iterable[str], comma: str = ", ") -> str:
    """Join ``words``; of very many the first, and how many more there are."""
    every = [*words]
    more = len(every) - _LISTED
    return comma.join(every) if more < 2 else f"{comma.join(every[:_LISTED])} and {more:,} more"


def joined(*parts: str) -> str:
    """One paragraph each, the empty ones left out."""
    return "\n".join(part for part in parts if part)


def timed(table: Table, frame: pd.DataFrame, key: str = "latency_s") -> str:
    """Run, machine, protocol and date of the metric ``key`` in ``frame``, and how good it is."""
    headers = _headers(table, frame)
    told = f"{_what(frame, key)} with its 95 % interval over {_protocol(headers)}"
    return f"Timings: {_origin(frame, headers)}; {told}.{_quality(frame)}"


def timed_on_each(table: Table, frame: pd.DataFrame, key: str = "latency_s") -> str:
    """Return the same of ``frame`` with several machines: each with its run, or how many."""
    machines = [rows for _, rows in frame.groupby("machine")]
    if len(machines) > _MACHINES:
        runs = frame["run"].nunique()
        where = f"{len(machines)} machines, {runs:,} runs, {frame['dtype'].iloc[0]}"
    else:
        where = ";  ".join(_origin(rows, _headers(table, rows)) for rows in machines)
    told = f"{_what(frame, key)} with its 95 % interval over {_protocol(_headers(table, frame))}"
    return f"Timings: {where}; {told}.{_quality(frame)}"


def metered(table: Table, frame: pd.DataFrame, key: str) -> str:
    """Run and machine of the metric ``key``; how well time was known says nothing of memory."""
    if key != _MEMORY_METRIC:
        return timed(table, frame, key)
    return f"Measured: {_origin(frame, _headers(table, frame))}.  {MEMORY}"


def _headers(table: Table, frame: pd.DataFrame) -> list[Header]:
    return [table.folder.runs[run] for run in sorted(set(frame["run"]))]


def _origin(frame: pd.DataFrame, headers: Sequence[Header]) -> str:
    dated: dict[str, list[str]] = {}
    for run, header in zip(sorted(set(frame["run"])), headers, strict=True):
        dated.setdefault(header.started.partition("T")[0], []).append(run)
    runs = listed(
        f"{listed(each)} of {date}" if date else listed(each) for date, each in dated.items()
    )
    return f"{_where(frame, headers[-1])}; run{'s' * (len(headers) > 1)} {runs}"


def _where(frame: pd.DataFrame, header: Header) -> str:
    first, environment = frame.iloc[0], header.environment
    variant = first["variant"] if isinstance(first["variant"], str) else ""
    words = [f"{first['machine']} ({first['device']})", *_computed(frame, variant)]
    if frame["batch_size"].nunique() == 1:
        words.append(f"batch {first['batch_size']}")
    words += filter(None, [variant])
    if first["device"] == "cpu" and "torch_threads" in environment and "thread" not in variant:
        words.append(f"{environment['torch_threads']} threads")
    if "torch" in environment:
        words.append(f"PyTorch {environment['torch']}")
    return ", ".join(words)


def _computed(frame: pd.DataFrame, variant: str) -> list[str]:
    """Return runtime and data type, where the figure is not about them."""
    if len(frame[["runtime", "dtype"]].drop_duplicates()) > 1:
        return []
    first = frame.iloc[0]
    runtime = [first["runtime"]] if first["runtime"] != USUAL["runtime"] else []
    return [_arithmetic(first, variant), *runtime]


def _arithmetic(first: pd.Series[Any], variant: str) -> str:
    """Return the type, and that float32 is nothing less: a GPU's convolutions often are."""
    exact = first["dtype"] == "float32" and first["device"] != "cpu" and "tf32" not in variant
    return "float32 without TF32" if exact else str(first["dtype"])


_OF_GPU = "GPU time: the time of a forward pass on the GPU alone, launches hidden,"
_QUEUED = (
    "throughput: images per second of forward passes queued back to back (on the CPU one after "
    "another, the batch over the latency),"
)
_DEFINITIONS = {"device_s": _OF_GPU, "throughput_images_per_s": _QUEUED}


def _what(frame: pd.DataFrame, key: str) -> str:
    """Define the metric ``key`` of ``frame``; records of older versions have the median alone."""
    if key in _DEFINITIONS:
        return _DEFINITIONS[key]
    estimated = frame["p50_s"].notna() if "p50_s" in frame else pd.Series([False])
    if not estimated.any():
        return "latency: the median time of a forward pass in evaluation mode,"
    older = "" if estimated.all() else " (in records of older versions the median)"
    return (
        "latency: the time of a forward pass in evaluation mode on an undisturbed machine, "
        f"launches and synchronisation included{older},"
    )


def _protocol(headers: Sequence[Header]) -> str:
    protocols = [header.protocol for header in headers]
    rounds = _either(each.rounds for each in protocols)
    precision = _either(100 * each.precision for each in protocols)
    seconds = _either(each.max_seconds for each in protocols)
    return f"{rounds} or more rounds, until known to {precision} % or for {seconds} s"


def _either(given: Iterable[float]) -> str:
    """Join distinct numbers: ``2.5``, or ``2.5 or 2.2`` where the runs differ."""
    return " or ".join(dict.fromkeys(f"{each:g}" for each in given))


def _quality(frame: pd.DataFrame) -> str:
    bad = frame["quality"].isin(["noisy", "unstable"]) if "quality" in frame else pd.Series([False])
    return f"  {bad.sum()} of {len(frame)} cells were noisy or unstable." if bad.any() else ""
