"""Re-assessed labels: several right classes for an image, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from opbench.errors import BadFileError
from opbench.evaluation.data.image_set import ImageSet
from opbench.evaluation.data.opening import open_images
from tests.evaluation.data.trees import labelled, plant, problems


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes, with one name of a file in both."""
    return plant(tmp_path / "images", "a/1.png", "a/2.png", "b/2.png", "b/3.png")


def _open(root: Path, rows: str, outputs: int | None = None) -> ImageSet:
    labels = root.parent / "real.csv"
    labels.write_text(f"path,label\n{rows}")
    return open_images(root, labels=labels, outputs=outputs)


def test_rows_of_one_image_are_its_right_classes(root: Path) -> None:
    found = _open(root, "a/1.png,1\na/2.png,0\n./a/1.png,0\nb/2.png,b\n3.png,a\na/1.png,1\n")
    assert labelled(found) == {
        "a/1.png": (0, 1),
        "a/2.png": (0,),
        "b/2.png": (1,),
        "b/3.png": (0,),
    }
    assert found.problems == ()


def test_an_image_without_a_right_class_is_left_out_and_named(root: Path) -> None:
    found = _open(root, "a/1.png,1\na/2.png,\n")
    assert labelled(found) == {"a/1.png": (1,)}
    reason = "left out, as in ReaL: the re-assessed labels give it no class"
    assert problems(found) == dict.fromkeys(["a/2.png", "b/2.png", "b/3.png"], reason)


def test_labels_of_other_images_are_counted(root: Path) -> None:
    """A name that two files have says which of them no more than one that none has."""
    found = _open(root, "a/1.png,1\n2.png,1\nx.png,1\na/2.png,1\nb/2.png,1\nb/3.png,1\n")
    assert problems(found) == {
        "real.csv": "it has labels of 2 images not in the set, such as 2.png"
    }


def test_a_right_class_beyond_the_outputs_is_a_problem(root: Path) -> None:
    found = _open(root, "a/1.png,1\na/2.png,0\na/2.png,2\nb/2.png,1\nb/3.png,1\n", outputs=2)
    assert problems(found) == {"a/2.png": "its label is 2, and the network's outputs are 0 to 1"}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("a/1.png,1\nb/2.png,fox\n", "line 3: its label is 'fox', which is not one of its classes"),
        ("a/1.png,1,2\n", "line 2: the row has 3 fields"),
        (",1\n", "line 2: its path is empty"),
        ("x.png,1\n", "has no image of .*images, such as a/1.png: write paths relative"),
        ("", "has no image of"),
    ],
)
def test_a_damaged_file_is_a_sentence(root: Path, rows: str, complaint: str) -> None:
    with pytest.raises(BadFileError, match=rf"real\.csv.*{complaint}"):
        _open(root, rows)
