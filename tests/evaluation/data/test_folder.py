"""Folders of classes, hostile trees among them: each entry is an image, a problem or a note."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from opbench.errors import BadFileError, BadValueError
from opbench.evaluation.data.folder import SUFFIXES, is_image
from opbench.evaluation.data.image_set import ImageSet
from opbench.evaluation.data.imagenet import synsets
from opbench.evaluation.data.opening import open_images
from tests.evaluation.data.trees import grey, labelled, plant, problems


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of one image each."""
    return plant(tmp_path / "images", "a/1.png", "b/2.jpg")


def test_an_image_has_the_class_of_its_folder(root: Path) -> None:
    found = open_images(root)
    assert (found.layout, found.path, found.dataset) == ("folder", str(root), "")
    assert found.classes == ("a", "b")
    assert labelled(found) == {"a/1.png": (0,), "b/2.jpg": (1,)}
    assert [grey(found, index) for index in (0, 1)] == [0, 1]
    assert found.problems == () and found.notes == ()


def test_class_10_is_behind_class_2(tmp_path: Path) -> None:
    plant(tmp_path, *(f"class{number}/x.png" for number in range(1, 12)))
    found = open_images(tmp_path, outputs=11)
    for image, value in zip(found.images, map(grey, [found] * 11, range(11)), strict=True):
        assert image.labels == (value,)
    (note,) = found.notes
    assert "class2 before class10" in note


def test_a_file_gives_another_order_and_classes_without_images_are_counted(root: Path) -> None:
    classes = root.parent / "classes.txt"
    classes.write_text("b\nc\na\n")
    found = open_images(str(root), classes=classes, outputs=3)
    assert found.classes == ("b", "c", "a")
    assert labelled(found) == {"a/1.png": (2,), "b/2.jpg": (0,)}
    assert found.notes == ("1 of 3 classes have no folder: accuracy is of the others",)


def test_a_folder_that_the_file_does_not_name_is_named(root: Path) -> None:
    classes = root.parent / "classes.txt"
    classes.write_text("b\nc\n")
    found = open_images(root, classes=classes)
    assert labelled(found) == {"b/2.jpg": (0,)}
    assert problems(found) == {"a/1.png": "its folder a is not one of the classes in classes.txt"}


@pytest.mark.parametrize("outputs", [None, 1000])
def test_a_few_synsets_have_their_numbers_of_a_thousand(
    tmp_path: Path, outputs: int | None
) -> None:
    plant(tmp_path, "n07920052/a.png", "n02123045/b.JPEG", "mine/c.png")
    found = open_images(tmp_path, outputs=outputs)
    assert found.classes == synsets()
    assert labelled(found) == {"n02123045/b.JPEG": (281,), "n07920052/a.png": (967,)}
    assert problems(found) == {
        "mine/c.png": "its folder mine is not one of ImageNet's 1000 synsets"
    }
    assert found.notes == ("998 of 1000 classes have no folder: accuracy is of the others",)


def test_a_network_of_ten_synsets_has_them_in_their_own_order(tmp_path: Path) -> None:
    plant(tmp_path, "n07920052/a.png", "n02123045/b.png")
    found = open_images(tmp_path, outputs=2)
    assert labelled(found) == {"n02123045/b.png": (0,), "n07920052/a.png": (1,)}


@pytest.mark.slow  # as many files
def test_the_whole_validation_set_is_called_imagenet(tmp_path: Path) -> None:
    for synset in synsets():
        (tmp_path / synset).mkdir()
        for number in range(50):
            os.mknod(tmp_path / synset / f"ILSVRC2012_val_{number:08}.JPEG")
    found = open_images(tmp_path, outputs=1000)
    assert (len(found.images), found.dataset, found.problems) == (50_000, "imagenet", ())
    (tmp_path / synsets()[7] / "ILSVRC2012_val_00000003.JPEG").unlink()
    assert open_images(tmp_path).dataset == ""


def test_fewer_folders_than_outputs_need_an_order(root: Path) -> None:
    with pytest.raises(BadValueError, match=r"2 classes \(a, b\), the network has 3 .*--classes"):
        open_images(root, outputs=3)


def test_more_folders_than_outputs_are_problems_that_name_the_class(root: Path) -> None:
    plant(root, "c/3.png", "c/4.png")
    found = open_images(root, outputs=2)
    assert len(found.images) == 2
    reason = "its label is 2 (c), and the network's outputs are 0 to 1"
    assert problems(found) == {"c/3.png": reason, "c/4.png": reason}


def test_images_may_stand_deeper(root: Path) -> None:
    plant(root, "a/deep/er/3.png")
    assert labelled(open_images(root))["a/deep/er/3.png"] == (0,)


@pytest.mark.slow  # the system looks every part of a path up
def test_a_folder_as_deep_as_any_can_be_is_walked(tmp_path: Path) -> None:
    """Far deeper than Python's calls may be nested: functions that call themselves fail."""
    levels = [tmp_path / "/".join("d" * depth) for depth in range(1, 1050)]
    for level in levels:
        level.mkdir()
    image = levels[-1] / "x.png"
    image.touch()
    assert labelled(open_images(tmp_path)) == {image.relative_to(tmp_path).as_posix(): (0,)}
    image.unlink()
    for level in reversed(levels):
        level.rmdir()


def _link(root: Path, links: dict[str, str]) -> None:
    for name, target in links.items():
        (root / name).symlink_to(target)


# What is done to a tree of two images, and the entries that are problems then.
_TREES: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "an image beside the classes": (
        lambda root: plant(root, "x.png"),
        {"x.png": "it is in the folder of no class"},
    ),
    "no image by its suffix": (
        lambda root: (root / "a" / "x.txt").touch(),
        {"a/x.txt": ".txt is not the suffix of an image"},
    ),
    "no suffix": (lambda root: (root / "a" / "x").touch(), {"a/x": "its name has no suffix"}),
    "an empty class": (
        lambda root: (root / "c").mkdir(),
        {"c": "the folder of this class has no images"},
    ),
    "a class of empty folders": (
        lambda root: (root / "c" / "d").mkdir(parents=True),
        {"c": "the folder of this class has no images"},
    ),
    "a link to nothing": (
        lambda root: (root / "a" / "x.png").symlink_to("nothing.png"),
        {"a/x.png": "a link that leads nowhere"},
    ),
    "a link to itself": (
        lambda root: (root / "a" / "x.png").symlink_to("x.png"),
        {"a/x.png": ""},
    ),
    "a link to an image of the set": (
        lambda root: (root / "b" / "x.png").symlink_to("../a/1.png"),
        {"b/x.png": "a link to a/1.png, which is in the set already"},
    ),
    "a link to its own folder": (
        lambda root: (root / "a" / "x").symlink_to("."),
        {"a/x": "it leads to a, which is in the set already"},
    ),
    "a link to all": (
        lambda root: (root / "a" / "x").symlink_to(".."),
        {"a/x": "it leads to images, which is in the set already"},
    ),
    "a link to what holds all": (
        lambda root: (root / "a" / "x").symlink_to(root.parent),
        {"a/x/images": "it leads to images, which is in the set already"},
    ),
    "links to each other": (
        lambda root: _link(root, {"a/x": "../b", "b/x": "../a"}),
        {"a/x": "it leads to b, which", "b/x": "it leads to a, which"},
    ),
    "a class that is a link to another": (
        lambda root: (root / "c").symlink_to("a"),
        {"c": "it leads to a, which is in the set already"},
    ),
    "a pipe": (
        lambda root: os.mkfifo(root / "a" / "x.png"),
        {"a/x.png": "no regular file"},
    ),
    "a name not in UTF-8": (
        lambda root: Path(os.fsdecode(os.fsencode(root) + b"/a/\xff.png")).touch(),
        {"a/\\udcff.png": "its name is not in UTF-8"},
    ),
    "a class not in UTF-8": (
        lambda root: plant(root, os.fsdecode(b"\xff/x.png")),
        {"\\udcff/x.png": "its name is not in UTF-8"},
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="needs links, pipes and names of any bytes")
@pytest.mark.parametrize("case", _TREES)
def test_what_is_no_image_of_the_set_is_named(root: Path, case: str) -> None:
    spoil, expected = _TREES[case]
    spoil(root)
    found = open_images(root)
    assert labelled(found) == {"a/1.png": (0,), "b/2.jpg": (1,)}
    reasons = problems(found)
    assert reasons.keys() == expected.keys()
    for name, reason in expected.items():
        assert reasons[name].startswith(reason) and reasons[name]


def test_links_to_files_and_folders_elsewhere_are_followed(root: Path) -> None:
    store = plant(root.parent / "store", "x.png", "more/y.png")
    (root / "a" / "one.png").symlink_to(store / "x.png")
    (root / "b" / "two.png").symlink_to(store / "x.png")
    (root / "c").symlink_to(store / "more")
    found = open_images(root)
    assert labelled(found) == {
        "a/1.png": (0,),
        "a/one.png": (0,),
        "b/2.jpg": (1,),
        "b/two.png": (1,),
        "c/y.png": (2,),
    }
    assert found.problems == ()


def test_links_to_links_do_not_grow_by_a_factor_with_each_level(root: Path) -> None:
    """Ten links to each of twelve folders would be 10^12 paths."""
    store = root.parent / "store"
    for level in range(12):
        (store / str(level)).mkdir(parents=True)
        for number in range(10):
            (store / str(level) / f"x{number}").symlink_to(store / str(level + 1))
    plant(store, "12/end.png")
    (root / "c").symlink_to(store / "0")
    found = open_images(root)
    assert [image.id for image in found.images if image.id.endswith("end.png")] == [
        f"c/{'/'.join(['x0'] * 12)}/end.png"
    ]
    assert len(problems(found)) == 12 * 9


def test_what_systems_leave_and_what_stands_beside_is_noted(root: Path) -> None:
    for name in (".DS_Store", "a/Thumbs.db", "b/._2.jpg", "LICENSE"):
        (root / name).touch()
    plant(root, ".ipynb_checkpoints/x.png", "__MACOSX/a/1.png")
    found = open_images(root)
    assert found.classes == ("a", "b") and found.problems == ()
    assert found.notes == (
        "left aside as no images of the set (6): .DS_Store, .ipynb_checkpoints, __MACOSX, ...",
    )


def _refusing(name: str) -> Callable[[Path], object]:
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    return refuse


def test_a_class_that_may_not_be_read_is_named_and_keeps_its_number(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "scandir", _refusing("a"))
    found = open_images(root)
    assert labelled(found) == {"b/2.jpg": (1,)}
    reason = "the folder cannot be read: Permission denied; change its permissions"
    assert problems(found)["a"].startswith(reason)


def test_a_root_that_may_not_be_read_is_a_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "scandir", _refusing("images"))
    with pytest.raises(BadFileError, match="images: the folder cannot be read: Permission denied"):
        open_images(root)


def test_parts_of_a_data_set_are_not_taken_for_classes(tmp_path: Path) -> None:
    plant(tmp_path, "train/a/1.png", "val/a/1.png")
    with pytest.raises(BadFileError, match=r"holds train and val, which are parts .*/val"):
        open_images(tmp_path)


def test_images_without_folders_of_classes_are_a_sentence(tmp_path: Path) -> None:
    plant(tmp_path, "1.png")
    with pytest.raises(BadFileError, match=r"has images but no sub-folders: make .* path,label"):
        open_images(tmp_path)


def test_nothing_but_problems_is_a_sentence_with_the_first(tmp_path: Path) -> None:
    plant(tmp_path, "1.png", "2.png")
    (tmp_path / "a").mkdir()
    with pytest.raises(
        BadFileError, match=r"no images to evaluate: 1\.png: it is in .*, and 2 more"
    ):
        open_images(tmp_path)


def test_suffixes_are_those_of_pillow() -> None:
    assert {*Image.registered_extensions()} >= SUFFIXES
    assert is_image("a.b/X.JPEG") and not is_image("a.png/x")


_PART = st.text("ab1é ", min_size=1, max_size=3).filter(lambda name: name.strip() == name)


@given(st.lists(st.tuples(_PART, _PART), unique=True, min_size=1, max_size=8), st.randoms())
def test_every_file_is_one_image_in_an_order_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, str]], chance: Random
) -> None:
    names = [f"{folder}/{name}.png" for folder, name in files]
    found: list[ImageSet] = []
    for _ in range(2):
        chance.shuffle(names)
        found.append(open_images(plant(tmp_path_factory.mktemp("x"), *names)))
    for each in found:
        assert {image.id for image in each.images} == {*names} and not each.problems
        assert all(
            each.classes[label[0]] == name.split("/")[0] for name, label in labelled(each).items()
        )
    assert labelled(found[0]) == labelled(found[1])
    assert [*labelled(found[0])] == [*labelled(found[1])]
