"""Paths that are no set of images: one sentence with a remedy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from opbench.errors import BadFileError
from opbench.evaluation.data.opening import open_images
from tests.evaluation.data.trees import plant


def _nothing(path: Path) -> None:
    return


@pytest.mark.parametrize(
    ("name", "make", "complaint"),
    [
        ("x", _nothing, "does not exist: name a folder with a sub-folder per class, a .csv"),
        ("x.csv", _nothing, "does not exist"),
        ("x\0", _nothing, "does not exist"),
        ("x", Path.mkdir, "has no images: make a sub-folder for each class"),
        ("x.csv", os.mkfifo, "is neither a file nor a folder"),
        ("x.png", Path.touch, "is a single image, without a label: name a folder"),
        ("x.tar", Path.touch, "is a file of another kind: name a folder"),
        ("x", lambda path: path.symlink_to(path), "does not exist"),
    ],
)
def test_a_path_that_is_no_set_is_a_sentence(
    tmp_path: Path, name: str, make: Callable[[Path], object], complaint: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(BadFileError, match=complaint):
        open_images(tmp_path / name)


def test_a_link_to_a_folder_is_the_folder(tmp_path: Path) -> None:
    plant(tmp_path / "images", "a/1.png")
    (tmp_path / "link").symlink_to("images")
    found, linked = open_images(tmp_path / "images"), open_images(tmp_path / "link")
    assert linked.manifest_sha256 == found.manifest_sha256
