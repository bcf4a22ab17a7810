"""The facts on file against the installed libraries: another part of them every day.

In the default suite a few of the smallest networks, in ``make test-slow`` a twentieth and all of
torchvision's; of timm's every network once, by ``tests/providers/test_timm.py``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import pytest
from torch import nn

from opbench.counting.meta.build import build_without_weights
from opbench.registry import providers
from opbench.zoo.counting import countable, counted, facts
from opbench.zoo.libraries import LIBRARIES
from opbench.zoo.results import on_file
from opbench.zoo.rows import ZooRow, load
from opbench.zoo.stated import stated_numbers

_SMALL = 100  # of which a few are counted every time
_DAY = datetime.now(UTC).date().isoformat()


def release(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def of_this_release(library: str) -> Sequence[ZooRow]:
    """The rows, if the library that they are of is installed."""
    rows = load(library)
    if release(library) != rows[0].release:
        pytest.skip(f"{library} {rows[0].release} is not installed")
    return rows


def some(rows: Sequence[ZooRow], number: int) -> list[ZooRow]:
    return random.Random(_DAY).sample(rows, number)


def recount(rows: Sequence[ZooRow]) -> None:
    for row in rows:
        found = counted({"name": row.name, "input_size": str(row.input_size)})
        assert found == {**row.totals(), "uncounted": list(row.uncounted)}, row.name


def described(row: ZooRow) -> dict[str, object]:
    return {key: value for key, value in row.to_json().items() if key not in row.totals()}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_few_of_the_smallest_count_what_is_on_file(library: str) -> None:
    rows = sorted(of_this_release(library), key=lambda row: row.activations)
    plain = [row for row in rows if "quantized_" not in row.name]
    recount(some(plain[: _SMALL if library == "timm" else _SMALL // 4], 2))


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_twentieth_counts_what_is_on_file(library: str) -> None:
    rows = of_this_release(library)
    recount(some(rows, len(rows) // 20))


@pytest.mark.slow
def test_all_of_torchvision_count_what_is_on_file() -> None:
    recount(of_this_release("torchvision"))


@pytest.mark.parametrize("library", ["torchvision", pytest.param("timm", marks=pytest.mark.slow)])
def test_all_that_the_library_says_is_on_file(library: str) -> None:
    rows = of_this_release(library)
    known = [each.to_json() for each in on_file(rows)]
    said = facts({"pattern": f"{library}:*", "results": known})
    stated = {(each["name"], each["input_size"]): each for each in said}
    assert len(stated) == len(said) == len(rows)
    for row in rows:
        found = stated[row.name, str(row.input_size)]
        assert {**found, "uncounted": []} == described(row), row.name
    left_out = set(providers.weights(library)) - {row.weights for row in rows}
    assert not [name for name in left_out if library == "timm" or countable(name)]


QUANTISED = [
    pytest.param(row, id=row.weights, marks=[] if "x0_5" in row.name else [pytest.mark.slow])
    for row in load("torchvision")
    if row.weights.startswith("quantized_")
]


@pytest.mark.parametrize("row", QUANTISED)
def test_a_quantised_network_has_a_bias_where_each_normalised_channel_had_a_scale_and_a_shift(
    row: ZooRow,
) -> None:
    of_this_release("torchvision")
    plain = row.weights.partition(".")[0]
    network = build_without_weights(lambda: providers.build("torchvision", plain))
    norms = (nn.BatchNorm2d, nn.BatchNorm1d)
    kept = [
        each for name, each in network.named_modules() if "aux1" not in name and "aux2" not in name
    ]
    channels = sum(each.num_features for each in kept if isinstance(each, norms))
    (params,) = (each for each in stated_numbers(row) if each.quantity == "params")
    assert params.stated - params.counted == channels
