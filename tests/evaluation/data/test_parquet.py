"""Parquet files in the layout of the hub, read by the row group."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbench.errors import BadFileError, BadValueError, MissingExtraError, OpbenchError
from opbench.evaluation.data import row_groups
from opbench.evaluation.data.opening import open_images
from opbench.evaluation.data.row_groups import RowGroups
from tests.evaluation.data.trees import encoded, grey, labelled, problems

arrow = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def _write(
    path: Path,
    labels: Sequence[Any],
    *,
    names: object = None,
    plain: bool = False,
    rows: int = 2,
    columns: tuple[str, str] = ("image", "label"),
) -> Path:
    """Write images whose grey value is their row, ``rows`` to a row group."""
    files = [encoded(row) for row in range(len(labels))]
    images = files if plain else [{"bytes": each, "path": "x.png"} for each in files]
    table = arrow.table(dict(zip(columns, (images, labels), strict=True)))
    if names is not None:
        facts = {"info": {"features": {columns[1]: {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(facts)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=rows)
    return path


@pytest.mark.parametrize("plain", [False, True])
def test_images_and_labels_are_columns(tmp_path: Path, plain: bool) -> None:
    path = _write(tmp_path / "test.parquet", [3, 1, 2, 0, 1], plain=plain)
    found = open_images(path)
    assert (found.layout, found.path, found.dataset, found.classes) == (
        *("parquet", str(path), ""),
        (),
    )
    assert labelled(found) == {
        f"test/0000{row}": (label,) for row, label in enumerate([3, 1, 2, 0, 1])
    }
    assert [grey(found, index) for index in (4, 0, 3, 1, 2)] == [4, 0, 3, 1, 2]
    assert found.problems == () and found.notes == ()


def test_the_columns_of_cifar_are_known(tmp_path: Path) -> None:
    path = _write(tmp_path / "test.parquet", [3], columns=("img", "fine_label"))
    assert labelled(open_images(path)) == {"test/00000": (3,)}


@pytest.mark.parametrize("folder", [".", "data", "plain_text"])
def test_a_set_is_all_files_of_a_folder(tmp_path: Path, folder: str) -> None:
    (tmp_path / ".cache").mkdir()
    for shard in range(2):
        _write(tmp_path / folder / f"test-0000{shard}-of-00002.parquet", [shard] * 3)
    found = open_images(tmp_path)
    assert (found.path, found.notes, found.problems) == (str(tmp_path), (), ())
    assert Counter(image.labels[0] for image in found.images) == {0: 3, 1: 3}
    assert found.images[3].id == "test-00001-of-00002/00000"
    assert grey(found, 5) == 2


@pytest.mark.parametrize(
    ("splits", "chosen"),
    [
        (("train", "test", "validation"), "validation"),
        (("test", "train"), "test"),
        (("train",), "train"),
    ],
)
def test_of_several_splits_that_for_evaluation_is_taken(
    tmp_path: Path, splits: Sequence[str], chosen: str
) -> None:
    for label, split in enumerate(splits):
        _write(tmp_path / f"{split}-00000-of-00001.parquet", [label])
    found = open_images(tmp_path)
    assert labelled(found) == {f"{chosen}-00000-of-00001/00000": (splits.index(chosen),)}
    told = f"of the splits {', '.join(sorted(splits))}, {chosen} was chosen"
    assert found.notes == ((told,) if len(splits) > 1 else ())


def test_splits_of_which_none_is_for_evaluation_are_a_sentence(tmp_path: Path) -> None:
    _write(tmp_path / "train-00000-of-00001.parquet", [0])
    _write(tmp_path / "extra-00000-of-00001.parquet", [0])
    with pytest.raises(BadFileError, match="files of extra, train, none of which is called valid"):
        open_images(tmp_path)


def test_several_folders_of_files_are_a_sentence(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        _write(tmp_path / folder / "test.parquet", [0])
    with pytest.raises(BadFileError, match="has Parquet files in a, b: name one of these folders"):
        open_images(tmp_path)


def test_shards_that_are_missing_are_named(tmp_path: Path) -> None:
    _write(tmp_path / "test-00001-of-00003.parquet", [0])
    assert [*problems(open_images(tmp_path))] == [
        "test-00000-of-00003.parquet",
        "test-00002-of-00003.parquet",
    ]


def test_images_without_a_label_are_named(tmp_path: Path) -> None:
    found = open_images(_write(tmp_path / "test.parquet", [0, -1, None, 2]), outputs=2)
    assert labelled(found) == {"test/00000": (0,)}
    assert problems(found) == {
        "test/00001": "it has no label (-1)",
        "test/00002": "it has no label (None)",
        "test/00003": "its label is 2, and the network's outputs are 0 to 1",
    }


def test_names_of_classes_are_those_of_the_hub(tmp_path: Path) -> None:
    path = _write(tmp_path / "test.parquet", [1, 0], names=["cat", "dog"])
    assert open_images(path, outputs=2).classes == ("cat", "dog")
    with pytest.raises(BadValueError, match=r"2 classes \(cat, dog\), the network has 1000"):
        open_images(path, outputs=1000)


def test_a_file_of_classes_renumbers_named_labels(tmp_path: Path) -> None:
    path = _write(tmp_path / "test.parquet", [1, 0, 5], names=["cat", "dog"])
    classes = tmp_path / "classes.txt"
    classes.write_text("fox\ndog\ncat\n")
    found = open_images(path, classes=classes, outputs=3)
    assert labelled(found) == {"test/00000": (1,), "test/00001": (2,)}
    assert problems(found) == {"test/00002": "its label 5 has no name in the file"}
    classes.write_text("fox\ndog\n")
    with pytest.raises(BadFileError, match="a class cat, which is not one of the classes in"):
        open_images(path, classes=classes)


@pytest.mark.parametrize(("first", "dataset"), [("tench, Tinca tinca", "imagenet"), ("x", "")])
def test_the_validation_set_of_imagenet_is_known_by_its_classes(
    tmp_path: Path, first: str, dataset: str
) -> None:
    names = [first, *map(str, range(1, 1000))]
    table = arrow.table({"image": [b"x"] * 50_000, "label": [*range(1000)] * 50})
    facts = {"info": {"features": {"label": {"names": names}}}}
    table = table.replace_schema_metadata({"huggingface": json.dumps(facts)})
    pq.write_table(table, tmp_path / "validation.parquet")
    found = open_images(tmp_path, outputs=1000)
    assert (found.dataset, len(found.images), found.classes[0]) == (dataset, 50_000, first)


@pytest.mark.parametrize("names", [[], ["a", "a"], ["a", 1], "ab", {"a": 1}, 3])
def test_names_that_are_none_are_not_used(tmp_path: Path, names: object) -> None:
    path = _write(tmp_path / "test.parquet", [7], names=names)
    assert (open_images(path).classes, labelled(open_images(path))) == ((), {"test/00000": (7,)})


def test_each_row_group_is_read_once_by_threads_in_the_order_of_the_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "test.parquet", list(range(40)), rows=10)
    read: list[int] = []
    kept = row_groups.read_group

    def counted(path: Path, column: str, group: int) -> Any:
        read.append(group)
        return kept(path, column, group)

    monkeypatch.setattr(row_groups, "read_group", counted)
    found = open_images(path)
    assert read == []
    with ThreadPoolExecutor(4) as threads:
        values = [*threads.map(grey, [found] * 40, range(40))]
    assert values == list(range(40))
    assert sorted(read) == [0, 1, 2, 3]


def test_the_latest_row_groups_are_kept_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "_MOST_KEPT", 0)
    groups = RowGroups()
    path = _write(tmp_path / "test.parquet", list(range(6)), rows=1)
    for group in (0, 1, 2, 1, 3):
        groups.image(path, "image.bytes", group, 0)
    assert [group for _, group in groups._kept] == [1, 3]


def test_an_image_without_bytes_is_an_error_of_reading(tmp_path: Path) -> None:
    images = [{"bytes": None, "path": "elsewhere.png"}, {"bytes": b"", "path": ""}]
    kind = arrow.struct({"bytes": arrow.binary(), "path": arrow.string()})
    table = arrow.table({"image": arrow.array(images, kind), "label": [0, 1]})
    pq.write_table(table, tmp_path / "test.parquet")
    for image in open_images(tmp_path / "test.parquet").images:
        with pytest.raises(ValueError, match=r"row group 0 of test\.parquet has no bytes for it"):
            image.read()


def test_a_row_group_of_fewer_rows_than_stated_is_an_error_of_reading(tmp_path: Path) -> None:
    path = _write(tmp_path / "test.parquet", [0, 1])
    with pytest.raises(ValueError, match=r"row group 0 of test\.parquet has no bytes for it"):
        RowGroups().image(path, "image.bytes", 0, 2)


def test_bytes_that_do_not_have_their_checksum_are_an_error_of_reading(tmp_path: Path) -> None:
    table = arrow.table({"image": [encoded(7)], "label": [0]})
    path = tmp_path / "test.parquet"
    pq.write_table(
        table,
        path,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
    )
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"IHDR")] ^= 1
    path.write_bytes(raw)
    (image,) = open_images(path).images
    with pytest.raises((OSError, ValueError), match=r"(?i)crc"):
        image.read()


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"pixels": [b"x"], "label": [0]}, "has the columns pixels, label, and none is called im"),
        ({"image": [b"x"], "class": [0]}, "has the columns image, class, and none is called label"),
        ({"image": ["x"], "label": [0]}, "its column image holds string, not the bytes of images"),
        ({"image": [[1, 2]], "label": [0]}, "its column image holds list"),
        ({"image": [b"x"], "label": ["cat"]}, "its column label holds string: write the number"),
        ({"image": [b"x"], "label": [0.5]}, "its column label holds double"),
    ],
)
def test_other_columns_are_a_sentence(
    tmp_path: Path, columns: dict[str, list[Any]], complaint: str
) -> None:
    pq.write_table(arrow.table(columns), tmp_path / "test.parquet")
    with pytest.raises(BadFileError, match=rf"test\.parquet.*{complaint}"):
        open_images(tmp_path)


@settings(max_examples=60)
@given(st.data())
def test_a_file_cut_anywhere_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = _write(tmp_path_factory.mktemp("x") / "test.parquet", [0, 1, 2])
    raw = path.read_bytes()
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(BadFileError, match=r"test\.parquet cannot be read as Parquet \(.*: down"):
        open_images(path)


@settings(max_examples=100)
@given(st.data())
def test_a_byte_that_was_changed_is_an_error_that_says_so_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = _write(tmp_path_factory.mktemp("x") / "test.parquet", [0, 1, 2], names=["a", "b", "c"])
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        images = open_images(path).images
    except OpbenchError:
        return
    for image in images:
        try:
            image.read()
        except (OSError, ValueError):
            continue


def test_without_pyarrow_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "test.parquet", [0])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'opbench\[parquet\]'"):
        open_images(path)
