"""Shards, random subsets and the manifest of a set."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.accuracy.measured.lines import Unanswered
from opbench.evaluation.data.image_set import ImageSet, LabelledImage, read_encoded
from opbench.shards import Shard

_PROBLEM = Unanswered(id="x", reason="damaged")
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_SETS = st.dictionaries(_NAMES, st.lists(st.integers(0, 9), min_size=1, max_size=2), max_size=30)


def _set(labels: dict[str, list[int]]) -> ImageSet:
    images = (
        LabelledImage(id=name, labels=tuple(each), read=bytes) for name, each in labels.items()
    )
    return ImageSet(path="x", layout="folder", images=tuple(images), problems=(_PROBLEM,))


@given(_SETS, st.integers(1, 12))
def test_shards_have_each_image_and_each_problem_exactly_once(
    labels: dict[str, list[int]], of: int
) -> None:
    shards = [_set(labels).of_shard(Shard(index, of)) for index in range(1, of + 1)]
    times = Counter(image.id for shard in shards for image in shard.images)
    assert times == dict.fromkeys(labels, 1)
    assert [problem for shard in shards for problem in shard.problems] == [_PROBLEM]


@given(_SETS, st.integers(1, 5), st.randoms())
def test_an_image_is_in_the_same_shard_whatever_else_is_in_the_set(
    labels: dict[str, list[int]], of: int, chance: Random
) -> None:
    some = {name: each for name, each in labels.items() if chance.random() < 0.5}
    for index in range(1, of + 1):
        alone = {image.id for image in _set(some).of_shard(Shard(index, of)).images}
        assert alone == {image.id for image in _set(labels).of_shard(Shard(index, of)).images} & {
            *some
        }


@given(_SETS, st.integers(0, 40), st.integers(0, 2**32))
def test_a_random_subset_is_the_same_each_time_and_in_the_order_of_the_set(
    labels: dict[str, list[int]], number: int, seed: int
) -> None:
    whole = _set(labels)
    drawn = whole.limited(number, seed)
    assert drawn == whole.limited(number, seed)
    assert len(drawn.images) == min(number, len(labels))
    places = [whole.images.index(image) for image in drawn.images]
    assert places == sorted({*places})


def test_another_seed_draws_another_subset() -> None:
    whole = _set({str(number): [0] for number in range(100)})
    assert whole.limited(10, 1) != whole.limited(10, 2)


@given(_SETS, st.randoms())
def test_the_manifest_does_not_depend_on_order_but_on_ids_and_labels(
    labels: dict[str, list[int]], chance: Random
) -> None:
    whole = _set(labels)
    mixed = list(whole.images)
    chance.shuffle(mixed)
    assert replace(whole, images=tuple(mixed)).manifest_sha256 == whole.manifest_sha256
    assert replace(whole, path="y", problems=()).manifest_sha256 == whole.manifest_sha256
    for image in whole.images[:1]:
        others = whole.images[1:]
        for other in (replace(image, id=f"{image.id}."), replace(image, labels=(10,))):
            changed = replace(whole, images=(other, *others))
            assert changed.manifest_sha256 != whole.manifest_sha256
        assert replace(whole, images=others).manifest_sha256 != whole.manifest_sha256


def test_an_empty_file_and_a_missing_one_are_errors_of_reading(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match="the file is empty"):
        read_encoded(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError):
        read_encoded(tmp_path / "b.png")
