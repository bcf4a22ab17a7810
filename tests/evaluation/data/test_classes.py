"""The order of classes: natural, ImageNet's, or given."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.errors import BadFileError, BadValueError
from opbench.evaluation.data.classes import (
    NUMBERS_ONLY,
    ClassOrder,
    about_sorting,
    naturally_sorted,
    order_of,
    read_classes,
)
from opbench.evaluation.data.imagenet import synsets


def test_numbers_in_names_are_sorted_as_numbers() -> None:
    names = ["class10", "class2", "class1", "Class3", "b", "a2b10", "a2b9", "10", "9"]
    assert naturally_sorted(names) == [
        *("9", "10", "a2b9", "a2b10", "b", "class1", "class2", "Class3", "class10")
    ]


@given(st.sets(st.integers(0, 10**9)), st.text("ab-", max_size=3), st.randoms())
def test_numbered_names_are_in_the_order_of_their_numbers(
    numbers: set[int], stem: str, chance: Random
) -> None:
    names = [f"{stem}{number}" for number in numbers]
    chance.shuffle(names)
    assert naturally_sorted(names) == [f"{stem}{number}" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=8), unique=True))
def test_every_name_has_one_place_however_the_names_came(names: list[str]) -> None:
    assert naturally_sorted(names) == naturally_sorted(reversed(names))
    assert sorted(naturally_sorted(names)) == sorted(names)


def test_a_note_says_where_text_sort_would_differ() -> None:
    assert about_sorting(["cat", "dog"]) == ()
    (note,) = about_sorting(naturally_sorted(map(str, range(11))))
    assert "2 before 10" in note and "--classes" in note


def test_the_order_is_the_given_one_then_that_of_imagenet_then_of_the_names() -> None:
    mine = ClassOrder(names=("b", "a"), source="mine")
    assert order_of(["a", "b"], mine, None) is mine
    two = ["n01443537", "n15075141"]
    for outputs in (None, 1000):
        order = order_of(two, None, outputs)
        assert [order.numbers[name] for name in two] == [1, 999]
    assert order_of(two, None, 2).names == tuple(two)
    assert order_of(["a", "b"], None, None).names == ("a", "b")
    assert order_of(["a", "b"], None, 2).names == ("a", "b")


def test_a_stray_folder_does_not_move_the_synsets() -> None:
    order = order_of(["extra", *synsets()], None, 1000)
    assert order.names == synsets()


def test_the_order_of_more_classes_than_imagenet_has_is_their_own() -> None:
    others = [f"n{number:08}" for number in range(1, 2001)]
    assert order_of([*others, *synsets()], None, None).names == (*others, *synsets())


@pytest.mark.parametrize("names", [["a", "b"], list(synsets()[:10])])
def test_fewer_classes_than_outputs_in_no_known_order_are_refused(names: list[str]) -> None:
    with pytest.raises(BadValueError, match=r"the network has 1001 outputs.*--classes"):
        order_of(names, None, 1001)


def test_a_label_is_a_name_or_a_number() -> None:
    order = ClassOrder(names=("cat", "dog"), source="the classes in classes.txt")
    assert [order.number(text) for text in ("dog", "0", "7")] == [1, 0, 7]
    with pytest.raises(ValueError, match=r"'fox', which is not one of the classes in classes\.txt"):
        order.number("fox")
    assert NUMBERS_ONLY.number("12") == 12
    for text in ("cat", "", "-1", "1.0", "1_0", "\u0661", "9" * 19):
        with pytest.raises(ValueError, match=r"not a number: give the names .* --classes"):
            NUMBERS_ONLY.number(text)


def test_where_names_are_numbers_a_number_is_a_name() -> None:
    order = ClassOrder(names=("7", "3"), source="classes.txt")
    assert order.number("3") == 1
    with pytest.raises(ValueError, match="'0', which is not one of"):
        order.number("0")


def test_a_file_of_names_is_read(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes("\ufeffb c\r\na\x85\u2028d\r\n n01440764 tench, Tinca tinca\n\n".encode())
    order = read_classes(path, 3)
    assert order.names == ("b c", "a\x85\u2028d", "n01440764")
    assert order.source == "the classes in classes.txt"


@pytest.mark.parametrize(
    ("raw", "outputs", "complaint"),
    [
        (b"a\n\nb\n", None, "line 2: no name"),
        (b"", None, "line 1: no name"),
        (b"a\nb\na\n", None, "line 3: a is in line 1 too"),
        (b"a\nb\n", 3, "names 2 classes, and the network has 3 outputs"),
        (b"a\nb\nc\nd\n", 3, "names 4 classes, and the network has 3 outputs"),
        (b"\xe9t\xe9\n", None, "is not text in UTF-8"),
    ],
)
def test_a_damaged_file_of_names_is_a_sentence(
    tmp_path: Path, raw: bytes, outputs: int | None, complaint: str
) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes(raw)
    with pytest.raises(BadFileError, match=rf"classes\.txt.*{complaint}"):
        read_classes(path, outputs)


def test_a_missing_file_of_names_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"none\.txt cannot be read: No such file"):
        read_classes(tmp_path / "none.txt", None)
