"""IDX files: whole ones are read, damaged ones are a sentence."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from opbench.errors import BadFileError
from opbench.evaluation.data.opening import open_images
from tests.evaluation.data.trees import grey, idx, labelled, write_pair

_PACKS: tuple[Callable[[bytes], bytes], ...] = (bytes, gzip.compress)


@pytest.mark.parametrize(("pack", "ending"), [(bytes, ""), (gzip.compress, ".gz")])
def test_images_and_labels_are_read_from_two_files(
    tmp_path: Path, pack: Callable[[bytes], bytes], ending: str
) -> None:
    path = write_pair(tmp_path, "t10k", ending=ending, pack=pack)
    found = open_images(path, outputs=3)
    assert (found.layout, found.path, found.dataset) == ("idx", str(path), "")
    assert labelled(found) == {f"t10k-images/0000{index}": (index,) for index in range(3)}
    assert [grey(found, index) for index in range(3)] == [0, 1, 2]
    image = found.images[0].read()
    assert isinstance(image, Image.Image) and (image.mode, image.size) == ("L", (3, 2))
    assert found.problems == () and found.notes == ()


def test_rows_and_columns_are_not_exchanged(tmp_path: Path) -> None:
    path = tmp_path / "t10k-images.idx3-ubyte"
    path.write_bytes(idx(1, 2, 3, data=bytes(range(6))))
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(idx(1))
    image = open_images(tmp_path).images[0].read()
    assert isinstance(image, Image.Image)
    assert [image.getpixel((column, 1)) for column in range(3)] == [3, 4, 5]


def test_the_test_set_of_a_folder_is_taken_unless_another_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path, "t10k", number=2)
    train = write_pair(tmp_path, "train", number=5)
    found = open_images(tmp_path)
    assert (len(found.images), found.path) == (2, str(tmp_path))
    assert found.notes == (
        "the test set was chosen, t10k-images-idx3-ubyte, and not train-images-idx3-ubyte",
    )
    assert len(open_images(train).images) == 5


def test_of_two_forms_of_a_file_one_is_taken(tmp_path: Path) -> None:
    write_pair(tmp_path, "t10k", ending=".gz", pack=gzip.compress)
    write_pair(tmp_path, "t10k")
    assert (
        open_images(tmp_path).manifest_sha256
        == open_images(tmp_path / "t10k-images-idx3-ubyte.gz").manifest_sha256
    )


def test_images_and_labels_may_be_packed_differently(tmp_path: Path) -> None:
    path = write_pair(tmp_path, "t10k")
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    assert len(open_images(path).images) == 3


def test_a_folder_of_training_images_alone_is_a_sentence(tmp_path: Path) -> None:
    write_pair(tmp_path, "train")
    with pytest.raises(BadFileError, match=r"no test sets .*name the file of the images, as in"):
        open_images(tmp_path)


def test_labels_beyond_the_outputs_are_problems(tmp_path: Path) -> None:
    found = open_images(write_pair(tmp_path, "t10k"), outputs=2)
    (problem,) = found.problems
    assert problem.id == "t10k-images/00002" and len(found.images) == 2


def test_names_of_classes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("T-shirt\nTrouser\nPullover\n")
    found = open_images(write_pair(tmp_path, "t10k"), classes=tmp_path / "classes.txt")
    assert found.classes == ("T-shirt", "Trouser", "Pullover")


_IMAGES, _LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("images", "labels", "complaint"),
    [
        (idx(3, 2, 3), idx(2), f"{_IMAGES} has 3 images, and {_LABELS} has 2 labels"),
        (idx(3, 2, 3), b"", f"{_LABELS} is no IDX file of labels: it begins with nothing"),
        (idx(3), idx(3), f"{_IMAGES} is no IDX file of images: it begins with 00 00 08 01"),
        (idx(3, 2, 3), idx(3, 2, 3), f"{_LABELS} is no IDX file of labels"),
        (idx(3, 2, 3, magic=b"\0\0\x0d\3"), idx(3), "begins with 00 00 0d 03, not with 00 00 08"),
        (idx(3, 2, 3)[:-1], idx(3), f"{_IMAGES} has fewer bytes than the 3x2x3 it states"),
        (idx(3, 2, 3) + b"\0", idx(3), f"{_IMAGES} has more bytes than the 3x2x3 it states"),
        (idx(3, 0, 3), idx(3), "has images of 0x3 pixels"),
        (idx(0, 2, 3), idx(0), "has no images to evaluate"),
        (idx(2**32 - 1, 2**32 - 1, 2**32 - 1, data=b""), idx(3), "has fewer bytes than"),
        (
            gzip.compress(idx(3, 2, 3), mtime=0)[:-9],
            idx(3),
            f"{_IMAGES} cannot be read: .*; download it",
        ),
        (
            gzip.compress(idx(2**31, 1, 1, data=b""), mtime=0),
            idx(3),
            "has fewer bytes than the 2147483648",
        ),
        (b"\x1f\x8b damaged", idx(3), f"{_IMAGES} cannot be read"),
    ],
)
def test_files_that_do_not_fit_are_a_sentence(
    tmp_path: Path, images: bytes, labels: bytes, complaint: str
) -> None:
    (tmp_path / _IMAGES).write_bytes(images)
    (tmp_path / _LABELS).write_bytes(labels)
    with pytest.raises(BadFileError, match=complaint):
        open_images(tmp_path)


def test_labels_that_are_missing_or_named_instead_are_a_sentence(tmp_path: Path) -> None:
    path = write_pair(tmp_path, "t10k")
    with pytest.raises(BadFileError, match="holds labels: name the file of the images beside it"):
        open_images(tmp_path / _LABELS)
    (tmp_path / _LABELS).unlink()
    with pytest.raises(BadFileError, match=f"has no labels: put {_LABELS} beside it"):
        open_images(path)


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from(_PACKS),
    st.data(),
)
def test_any_shape_is_read_back_and_no_part_of_a_file_is(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, int, int],
    pack: Callable[[bytes], bytes],
    data: st.DataObject,
) -> None:
    number, rows, columns = shape
    folder = tmp_path_factory.mktemp("x")
    pixels = data.draw(
        st.binary(min_size=number * rows * columns, max_size=number * rows * columns)
    )
    labels = data.draw(st.binary(min_size=number, max_size=number))
    images = pack(idx(*shape, data=pixels))
    (folder / _IMAGES).write_bytes(images)
    (folder / _LABELS).write_bytes(idx(number, data=labels))
    found = open_images(folder)
    assert [image.labels for image in found.images] == [(label,) for label in labels]
    read = [image.read() for image in found.images]
    assert b"".join(each.tobytes() for each in read if isinstance(each, Image.Image)) == pixels
    assert {each.size for each in read if isinstance(each, Image.Image)} == {(columns, rows)}
    (folder / _IMAGES).write_bytes(images[: data.draw(st.integers(0, len(images) - 1))])
    with pytest.raises(BadFileError, match=_IMAGES):
        open_images(folder)
    shutil.rmtree(folder)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    folder = tmp_path_factory.mktemp("x")
    (folder / _LABELS).write_bytes(idx(3))
    for head in (b"", b"\0\0\x08\x03", b"\x1f\x8b\x08\0"):
        (folder / _IMAGES).write_bytes(head + raw)
        with pytest.raises(BadFileError, match=_IMAGES):
            open_images(folder)
