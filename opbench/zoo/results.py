"""The accuracies and operations that timm prints of its weights, from its published tables.

timm's wheel holds none.  An update without the tables keeps what is on file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from opbench.files import RowError, bad_line, number, percent, read_rows
from opbench.value import AtLeastOne, Natural, Text, Value
from opbench.zoo.rows import Percent, ZooRow

_COLUMNS = (
    "model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct",
    "interpolation",
)  # fmt: skip
_BENCHMARK_COLUMNS = (
    "model", "infer_img_size", "infer_samples_per_sec", "infer_step_time", "infer_batch_size",
    "param_count", "infer_gmacs", "infer_macts",
)  # fmt: skip
# They need not be there.  How images are resized is a fact of the weights in the library.
_UNUSED = (
    "top1_err", "top5_err", "crop_pct", "interpolation", "infer_samples_per_sec",
    "infer_step_time", "infer_batch_size", "infer_macts",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Value):
    """The accuracy of a set of weights on square images, and what is printed of its network.

    ``release`` is that of the library whose table was read; "" for the installed one.
    """

    weights: Text
    side: AtLeastOne
    top1: Percent
    top5: Percent | None
    stated_params: Natural | None
    stated_macs: Natural | None = None
    release: str = ""


class ReadResults(NamedTuple):
    """The rows of the tables, and sentences about rows that are not used."""

    rows: Sequence[Result]
    notes: tuple[str, ...] = ()


class _Benchmark(NamedTuple):
    """One row of a benchmark: a network at a size, and its MACs."""

    architecture: str
    side: int
    params: int
    macs: int


def read_results(path: Path, benchmark: Path | None = None) -> ReadResults:
    """Read ``results-imagenet.csv``, and the MACs in a ``benchmark-infer-*.csv``.

    MACs are joined by architecture, size and printed parameters: the benchmark fuses branches and
    normalisations of some networks, which are then others.
    Raises ``BadFileError`` naming file, line and column.
    """
    found = _read_accuracies(path)
    if benchmark is None:
        return ReadResults(found)
    macs = _read_benchmark(benchmark)
    joined = [replace(each, stated_macs=macs.get(_network_of(each))) for each in found]
    left = len(macs.keys() - map(_network_of, found))
    told = f"{benchmark}: {left} of {len(macs)} networks match no weights in {path}"
    return ReadResults(joined, (told,) if left else ())


def _network_of(result: Result) -> tuple[str, int, int | None]:
    return result.weights.partition(".")[0], result.side, result.stated_params


def _read_benchmark(path: Path) -> dict[tuple[str, int, int | None], int]:
    rows = read_rows(path, _BENCHMARK_COLUMNS, _benchmark, later=_UNUSED)
    return {(row.architecture, row.side, row.params): row.macs for _, row in rows}


def _read_accuracies(path: Path) -> list[Result]:
    seen: dict[tuple[str, int], int] = {}
    found = []
    for line, result in read_rows(path, _COLUMNS, _result, later=_UNUSED):
        key = (result.weights, result.side)
        if key in seen:
            raise bad_line(
                path, line, f"{key[0]} at {key[1]} is on line {seen[key]} too: remove one"
            )
        seen[key] = line
        found.append(result)
    return found


def on_file(rows: Iterable[ZooRow]) -> list[Result]:
    """Return the accuracies of rows that are on file."""
    return [
        Result(
            weights=row.weights,
            side=row.input_size[-1],
            top1=row.top1,
            top5=row.top5,
            stated_params=row.stated_params,
            stated_macs=row.stated_macs,
            release=row.release,
        )
        for row in rows
        if row.top1 is not None
    ]


def _result(row: dict[str, str]) -> Result:
    top1 = percent(row, "top1")
    if top1 is None:
        raise RowError("top1 is empty: write a percentage from 0 to 100, or remove the row")
    return Result(
        weights=_name(row),
        side=_side(row, "img_size"),
        top1=top1,
        top5=percent(row, "top5"),
        stated_params=_scaled(row, "param_count", 10**6),
    )


def _benchmark(row: dict[str, str]) -> _Benchmark:
    return _Benchmark(
        architecture=_name(row),
        side=_side(row, "infer_img_size"),
        params=_scaled(row, "param_count", 10**6),
        macs=_scaled(row, "infer_gmacs", 10**9),
    )


def _name(row: dict[str, str]) -> str:
    if not row["model"]:
        raise RowError("model is empty: write the name of the network")
    return row["model"]


def _side(row: dict[str, str], column: str) -> int:
    side = number(row, column)
    if side < 1 or side % 1 or side > 2**16:
        raise RowError(f"{column} is {row[column]!r}: write the pixels of one side")
    return int(side)


def _scaled(row: dict[str, str], column: str, unit: int) -> int:
    """Read a number of ``unit``, which may have commas: 1,014.45 million."""
    value = number({column: row[column].replace(",", "")}, column)
    if not 0 <= value * unit < 10**18:
        raise RowError(f"{column} is {row[column]!r}: write a number in units of {unit:,}")
    return round(value * unit)
