"""Lists of images: each row is an image or a problem by its line."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.errors import BadFileError, OpbenchError
from opbench.evaluation.data.image_set import ImageSet
from opbench.evaluation.data.imagenet import synsets
from opbench.evaluation.data.opening import open_images
from tests.evaluation.data.trees import grey, labelled, plant, problems


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images in a flat folder."""
    return plant(tmp_path, "0.png", "1.jpg", "sub/2.png")


def _open(folder: Path, text: str, outputs: int | None = None, names: str = "") -> ImageSet:
    (folder / "images.csv").write_text(text, encoding="utf-8")
    classes = folder / "classes.txt" if names else None
    if classes:
        classes.write_text(names)
    return open_images(folder / "images.csv", outputs=outputs, classes=classes)


def test_paths_are_relative_to_the_list_and_labels_are_numbers(folder: Path) -> None:
    found = _open(folder, "path,label\n1.jpg,7\nsub/2.png,0\n0.png,7\n")
    assert (found.layout, found.classes, found.problems, found.notes) == ("list", (), (), ())
    assert labelled(found) == {"1.jpg": (7,), "sub/2.png": (0,), "0.png": (7,)}
    assert [grey(found, index) for index in range(3)] == [1, 2, 0]


def test_columns_are_found_by_name_and_others_are_noted(folder: Path) -> None:
    found = _open(folder, "\ufeffLabel, split ,PATH\r\n3,test,0.png\r\n\r\n4,test, 1.jpg\r\n")
    assert labelled(found) == {"0.png": (3,), "1.jpg": (4,)}
    assert found.notes == ("columns that are not used: split",)


def test_labels_may_be_names_of_classes(folder: Path) -> None:
    found = _open(folder, "path,label\n0.png,dog\n1.jpg,cat\n", names="cat\ndog\n", outputs=2)
    assert labelled(found) == {"0.png": (1,), "1.jpg": (0,)}
    assert found.classes == ("cat", "dog")


@pytest.mark.parametrize("outputs", [None, 1000])
def test_labels_may_be_synsets(folder: Path, outputs: int | None) -> None:
    text = "path,label\n0.png,n02123045\n1.jpg,n07920052\nsub/2.png,n99999999\n"
    found = _open(folder, text, outputs)
    assert labelled(found) == {"0.png": (281,), "1.jpg": (967,)}
    assert found.classes == synsets()
    (reason,) = problems(found).values()
    assert "'n99999999', which is not one of ImageNet's 1000 synsets" in reason


# One row, behind a good one in line 2, and what is said of line 3.
_ROWS = {
    "0.png,5": "0.png is in line 2 already: remove one",
    "./sub/../0.png,5": "0.png is in line 2 already: remove one",
    "0.png,6": "0.png is in line 2 already with the label 5, which counts: remove one",
    "none.png,1": "none.png: the file is missing",
    "broken.png,1": "broken.png: a link that leads nowhere",
    "0.png/x,1": "0.png/x: Not a directory",
    "sub,1": "sub: it is a folder",
    "pipe.png,1": "pipe.png: it is no regular file",
    "nul\0.png,1": "nul\\x00.png: no file can be called so",
    f"{'x' * 300},1": f"{'x' * 300}: File name too long",
    "/etc/passwd,1": "/etc/passwd is an absolute path",
    ",1": "its path is empty",
    "1.jpg": "the row has 1 field, the header 2",
    "1.jpg,1,2": "the row has 3 fields, the header 2: put commas in quotes",
    "1.jpg,": "its label is '', not a number: give the names",
    "1.jpg,-1": "its label is '-1', not a number",
    "1.jpg,1.0": "its label is '1.0', not a number",
    "1.jpg,cat": "its label is 'cat', not a number",
    "1.jpg,10": "its label is 10, and the network's outputs are 0 to 9",
}


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
@pytest.mark.parametrize("row", _ROWS)
def test_a_row_that_cannot_be_used_is_named_and_the_rest_counts(folder: Path, row: str) -> None:
    (folder / "broken.png").symlink_to("nothing.png")
    os.mkfifo(folder / "pipe.png")
    found = _open(folder, f"path,label\n0.png,5\n{row}\nsub/2.png,9\n", outputs=10)
    assert labelled(found) == {"0.png": (5,), "sub/2.png": (9,)}
    reasons = problems(found)
    assert [*reasons] == ["images.csv, line 3"]
    assert reasons["images.csv, line 3"].startswith(_ROWS[row])


def test_without_outputs_every_number_is_a_label(folder: Path) -> None:
    assert labelled(_open(folder, "path,label\n0.png,123456\n")) == {"0.png": (123456,)}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: the column path is missing: write the header path,label"),
        ("0.png,5\n", "line 1: the column path is missing"),
        ("path;label\n0.png;5\n", "line 1: the column path is missing"),
        ("path,label,path\n", "line 1: the column path occurs twice"),
        ("path,class\n", "line 1: the column label is missing"),
        ('path,label\n"0.png,5\n', "is not a CSV file in UTF-8"),
        ("path,label\n", "has no images to evaluate: name a folder"),
        ("path,label\nnone.png,1\n", "no images to evaluate: images.csv, line 2: none.png: the"),
    ],
)
def test_no_list_at_all_is_a_sentence(folder: Path, text: str, complaint: str) -> None:
    with pytest.raises(BadFileError, match=rf"images\.csv.*{complaint}"):
        _open(folder, text)


def test_bytes_that_are_no_text_are_a_sentence(folder: Path) -> None:
    (folder / "images.csv").write_bytes(b"path,label\n\xff.png,1\n")
    with pytest.raises(BadFileError, match="is not a CSV file in UTF-8"):
        open_images(folder / "images.csv")


_NAMES = ("0.png", "1.jpg", "./1.jpg", "sub/2.png", "none.png", "", "a,b", 'q"', "é\n", "\0")
_LABELS = ("0", "1", "9", "10", "x", "")


@given(st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_LABELS)), max_size=8))
def test_each_row_is_an_image_or_a_problem_and_no_image_is_there_twice(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = plant(tmp_path_factory.mktemp("x"), "0.png", "1.jpg", "sub/2.png")
    text = io.StringIO()
    csv.writer(text).writerows([("path", "label"), *rows])
    good = [
        (os.path.normpath(name), int(label))
        for name, label in rows
        if name and (folder / name.replace("\0", "none")).is_file() and label in ("0", "1", "9")
    ]
    first = dict(reversed(good))
    if not first:
        with pytest.raises(BadFileError, match="no images to evaluate"):
            _open(folder, text.getvalue(), outputs=10)
        return
    found = _open(folder, text.getvalue(), outputs=10)
    assert labelled(found) == {name: (label,) for name, label in first.items()}
    assert len(found.images) + len(problems(found)) == len(rows)


@given(st.binary(max_size=40))
def test_any_bytes_behind_the_header_are_read_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("x") / "images.csv"
    path.write_bytes(b"path,label\n" + raw)
    with pytest.raises(OpbenchError, match=r"images\.csv"):
        open_images(path, outputs=10)
