"""Facts about ImageNet, beside the files that timm ships."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from opbench.evaluation.data.image_set import LabelledImage
from opbench.evaluation.data.imagenet import are_synsets, is_validation_set, synsets


def _of_timm(name: str) -> str:
    spec = find_spec("timm")
    if spec is None or spec.origin is None:
        pytest.skip("timm is not installed")
    return (Path(spec.origin).parent / "data" / "_info" / name).read_text()


def test_the_order_of_classes_is_that_of_timm_and_of_the_ids() -> None:
    assert list(synsets()) == _of_timm("imagenet_synsets.txt").split()
    assert list(synsets()) == sorted({*synsets()})
    assert len(synsets()) == 1000


def test_classes_that_everybody_knows_have_their_numbers() -> None:
    """Tench, tabby, space shuttle, espresso, toilet tissue."""
    known = {0: "n01440764", 281: "n02123045", 812: "n04266014", 967: "n07920052", 999: "n15075141"}
    assert {number: synsets()[number] for number in known} == known


@pytest.mark.parametrize(
    ("names", "outputs", "are"),
    [
        (synsets()[:3], None, True),
        (synsets()[:3], 1000, True),
        (synsets()[:3], 3, False),
        ([*synsets()[:3], "a", "b", "c"], None, True),
        ([*synsets()[:3], "a", "b", "c", "d"], None, False),
        (["n00000000"], None, False),
        ([], None, False),
    ],
)
def test_half_of_the_names_are_enough(names: list[str], outputs: int | None, are: bool) -> None:
    assert are_synsets(names, outputs) is are


def _images(label_of_fourth: int = 809, name: str = "{}/{}.png") -> list[LabelledImage]:
    """50,000 names, 50 of each class; the fourth of the validation set has the given class."""
    labels = [number % 1000 for number in range(50_000)]
    at = labels.index(label_of_fourth)
    labels[3], labels[at] = labels[at], labels[3]
    return [
        LabelledImage(id=name.format(label, index + 1), labels=(label,), read=bytes)
        for index, label in enumerate(labels)
    ]


def test_the_whole_validation_set_is_known() -> None:
    by_folder = _images()
    assert is_validation_set(by_folder, by_synset=True)
    assert not is_validation_set(by_folder[1:], by_synset=True)
    assert not is_validation_set([*by_folder[1:], by_folder[1]], by_synset=True)
    assert not is_validation_set(by_folder, by_synset=False)
    assert not is_validation_set(_images(name="{}/n01440764_{}.JPEG"), by_synset=True)


def test_a_list_is_known_by_the_names_of_its_images_and_the_class_of_one() -> None:
    assert 809 in json.loads(_of_timm("imagenet_real_labels.json"))[3]
    flat = "ILSVRC2012_val_{1:08}.JPEG"
    assert is_validation_set(_images(name=flat), by_synset=False)
    assert not is_validation_set(_images(822, name=flat), by_synset=False)
