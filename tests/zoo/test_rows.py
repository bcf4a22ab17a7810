"""The facts on file: every row comes back, damage is a sentence, globs choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbench.errors import BadFileError, BadValueError, UnknownNameError
from opbench.zoo import rows
from opbench.zoo.families import family_of
from opbench.zoo.groups import group_of
from opbench.zoo.libraries import LIBRARIES
from opbench.zoo.rows import ZooRow
from opbench.zoo.stated import stated_numbers
from tests.builders import zoo_row
from tests.fixtures import Write
from tests.strategies import of_type

EVERY = [row for library in LIBRARIES for row in rows.load(library)]

# A cell of CSV has no spaces around it; the texts of a list have them inside, and no semicolon.
_WORDS = st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1)
_LINES = st.lists(_WORDS, max_size=3).map(" ".join)
_TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "name": _WORDS.map("timm:{}".format),
    "release": _WORDS,
    "dataset": _WORDS,
    "uncounted": st.lists(
        st.lists(_WORDS.map(lambda word: word.replace(";", ",")), min_size=1, max_size=3).map(
            " ".join
        ),
        max_size=3,
    ).map(tuple),
    **dict.fromkeys(("protocol", "interpolation", "licence", "url"), _LINES),
}
_COUNTS: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(
    (
        "params", "macs", "activations", "weight_bytes", "peak_activation_bytes", "resize",
        "stated_params", "stated_macs",
    ),
    st.integers(0, 10**18 - 1),
)  # fmt: skip


def _some_rows() -> st.SearchStrategy[list[ZooRow]]:
    row = of_type(ZooRow).flatmap(
        lambda any_row: st.fixed_dictionaries(_TEXTS | _COUNTS).map(
            lambda texts: ZooRow.from_json({**any_row.to_json(), **texts})
        )
    )
    return st.lists(row, max_size=3, unique_by=lambda row: (row.name, row.input_size))


@pytest.mark.parametrize("library", LIBRARIES)
def test_saving_what_was_loaded_gives_the_same_bytes(library: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    rows.save(library, reversed(rows.load(library)), copy)
    assert copy.read_bytes() == rows.csv_file(library).read_bytes()


@settings(max_examples=20)
@given(written=_some_rows())
def test_rows_come_back(written: list[ZooRow], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("zoo") / "timm.csv"
    rows.save("timm", written, path)
    assert set(rows.load("timm", path)) == set(written)


@settings(max_examples=20)
@given(at=st.integers(0, 10**4), noise=st.binary(max_size=4))
def test_damage_is_refused_or_another_row(
    at: int, noise: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("zoo") / "timm.csv"
    rows.save("timm", [zoo_row(), zoo_row("timm:b.in1k", url="https://example.org")], path)
    whole = path.read_bytes()
    path.write_bytes(whole[: at % len(whole)] + noise + whole[at % len(whole) + len(noise) :])
    try:
        assert len(rows.load("timm", path)) <= 2
    except BadFileError as error:
        assert f"{path}" in str(error)


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        ("macs", "-1", "macs is '-1'"),
        ("macs", "", "macs is ''"),
        ("top1", "101", "top1: expected float <= 100"),
        ("top1", "nan", "top1 is 'nan'"),
        ("trained_on", "imagenet", "trained_on: expected 'imagenet1k' or "),
        ("input_size", "3x0", "input_size: "),
        ("name", "", "name: expected str of length >= 1"),
        ("name", "torchvision:a", "name is 'torchvision:a': it must begin with timm:"),
    ],
)
def test_a_damaged_cell_is_named(write: Write, column: str, text: str, told: str) -> None:
    cells = zoo_row().to_json() | {"uncounted": ""} | {column: text}
    header, row = ",".join(cells), ",".join("" if v is None else str(v) for v in cells.values())
    path = write("timm.csv", f"# a comment\n{header}\n{row}\n")
    with pytest.raises(BadFileError) as caught:
        rows.load("timm", path)
    assert f"timm.csv, line 3: {told}" in str(caught.value)


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    assert rows.load("timm", tmp_path / "timm.csv") == ()


def test_a_glob_without_a_dot_is_of_networks_with_all_their_weights() -> None:
    chosen = rows.chosen(["torchvision:resnet50"])
    assert [row.weights for row in chosen] == ["resnet50.IMAGENET1K_V1", "resnet50.IMAGENET1K_V2"]
    assert {row.architecture for row in rows.chosen(["torchvision:vgg1?"])} == {
        f"torchvision:vgg{layers}" for layers in (11, 13, 16, 19)
    }
    assert [row.weights for row in rows.chosen(["torchvision:resnet50.*_V2"])] == [
        "resnet50.IMAGENET1K_V2"
    ]


def test_an_unknown_name_offers_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="did you mean torchvision:resnet50"):
        rows.chosen(["torchvision:resnet5O"])
    with pytest.raises(BadValueError, match="write torchvision:NAME or timm:NAME"):
        rows.chosen(["keras:resnet50"])


def test_every_row_is_once_and_whole() -> None:
    assert len({(row.name, row.input_size) for row in EVERY}) == len(EVERY)
    for row in EVERY:
        known = row.top1 is not None
        assert known == bool(row.protocol), row.name
        if row.top1 is not None and row.top5 is not None:
            assert row.top1 <= row.top5, row.name
        assert not row.uncounted, row.name
        assert row.trained_on == group_of(row.weights), row.name
        assert row.release and row.address.startswith("https://"), row.name
        assert family_of(row.architecture), row.name


def test_every_number_that_a_library_states_is_met_or_explained() -> None:
    found = [each for row in EVERY for each in stated_numbers(row)]
    assert len(found) > 1800
    assert not [(each.row.name, each.quantity) for each in found if not each.explained]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_header_says_whose_facts_they_are(library: str) -> None:
    first = rows.csv_file(library).read_text().splitlines()[0]
    assert first.startswith("# ") and LIBRARIES[library].licence in first
