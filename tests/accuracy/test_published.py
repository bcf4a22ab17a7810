"""The published accuracies: the file's rules, and figures looked up again in their sources."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from opbench import accuracy
from opbench.accuracy.published import COLUMNS, RECIPES
from opbench.errors import BadFileError, UnknownNameError
from opbench.registry import entries
from opbench.spec import Shape

GOOD = {
    "architecture": "alexnet",
    "dataset": "imagenet",
    "top1": "57.1",
    "top5": "80.2",
    "protocol": "single central crop",
    "input_size": "3x227x227",
    "source": "a zoo",
    "source_url": "https://example.org/zoo",
    "evidence": "read",
    "recipe": "period",
    "primary": "yes",
    "note": "",
}


def write(tmp_path: Path, *rows: dict[str, str], header: tuple[str, ...] = COLUMNS) -> Path:
    path = tmp_path / "published.csv"
    lines = [",".join(header), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_good_row_is_read_as_it_is_written(tmp_path: Path) -> None:
    (row,) = accuracy.load_published(write(tmp_path, GOOD))
    assert (row.top1, row.top5, row.primary, row.confirmed) == (57.1, 80.2, True, True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"top1": "157.1"}, "0 to 100"),
        ({"top1": "-1"}, "0 to 100"),
        ({"top1": "nan"}, "write a number"),
        ({"top5": "high"}, "write a number"),
        ({"top5": "40"}, "above top5"),
        ({"protocol": "best crop"}, "single central crop"),
        ({"dataset": "imagenette"}, "imagenet128"),
        ({"dataset": "none"}, "write one of"),
        ({"evidence": "heard"}, "read-secondary"),
        ({"evidence": "read-secondary"}, "where the figure was read"),
        ({"evidence": "recalled"}, "cannot be primary"),
        ({"recipe": "modern"}, "cannot be primary"),
        ({"recipe": "new"}, "period"),
        ({"top1": ""}, "needs a top1"),
        ({"top1": "", "top5": "", "primary": "no"}, "top1 and top5 are empty"),
        ({"primary": "maybe"}, "yes, no"),
        ({"architecture": ""}, "architecture is empty"),
        ({"source": " "}, "source is empty"),
        ({"source_url": "../shared/published"}, "public address"),
        ({"source_url": "ftp://example.org"}, "public address"),
        ({"source_url": "https://localhost"}, "public address"),
        ({"input_size": "224"}, "3x224x224"),
        ({"input_size": "3x0x224"}, "3x224x224"),
        ({"input_size": "3X224X224"}, "3x224x224"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(
    tmp_path: Path, change: dict[str, str], problem: str
) -> None:
    fine = GOOD | {"architecture": "vgg16"}
    path = write(tmp_path, fine, GOOD | change)
    with pytest.raises(BadFileError) as error:
        accuracy.load_published(path)
    assert str(error.value).startswith(f"{path}, line 3: ")
    assert problem in str(error.value)


def test_an_architecture_has_one_primary_row(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, GOOD | {"source": "another zoo"})
    with pytest.raises(
        BadFileError, match=r"line 3: alexnet already has a primary accuracy on line 2"
    ):
        accuracy.load_published(path)


def test_a_source_is_listed_once(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, GOOD | {"primary": "no"})
    with pytest.raises(BadFileError, match=r"line 3: .* already on line 2"):
        accuracy.load_published(path)


def test_a_missing_and_an_unknown_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"line 1: the header lacks note"):
        accuracy.load_published(write(tmp_path, header=COLUMNS[:-1]))
    with pytest.raises(BadFileError, match=r"line 1: the header has unknown flops"):
        accuracy.load_published(
            write(tmp_path / ".", header=(*COLUMNS, "flops")).rename(tmp_path / "other.csv")
        )


def test_a_row_with_too_few_or_too_many_cells_is_named(tmp_path: Path) -> None:
    for number, cells in enumerate((list(GOOD.values())[:-1], [*GOOD.values(), "more"])):
        path = tmp_path / f"{number}.csv"
        path.write_text(",".join(COLUMNS) + "\n" + ",".join(cells) + "\n", encoding="utf-8")
        with pytest.raises(BadFileError, match="line 2: not as many cells"):
            accuracy.load_published(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="absent"):
        accuracy.load_published(tmp_path / "absent.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFileError, match="UTF-8"):
        accuracy.load_published(binary)


def test_every_architecture_is_in_the_registry_or_known_to_be_published_only() -> None:
    known = set(entries.names()) | set(accuracy.PUBLISHED_ONLY)
    assert {row.architecture for row in accuracy.load_published()} <= known
    assert not set(accuracy.PUBLISHED_ONLY) & set(entries.names())


def test_a_published_figure_is_of_the_data_set_that_the_network_classifies() -> None:
    for row in accuracy.load_published():
        if row.architecture not in accuracy.PUBLISHED_ONLY:
            assert row.dataset == entries.get(row.architecture).dataset, row


def test_every_classifier_of_the_article_has_a_primary_accuracy() -> None:
    without = {
        name
        for name, spec in entries.specs().items()
        if spec.dataset in accuracy.TEST_IMAGES and name not in accuracy.primaries()
    }
    # The encoder of ENet with a classifier is our own construction: nobody trained it.
    assert without <= {"enet_classifier"}


def test_no_modern_recipe_is_primary() -> None:
    modern = ("V2", "osmr", "a1_in1k", "a2_in1k", ".ra_")
    for row in accuracy.primaries().values():
        assert row.recipe == "period"
        assert not any(word in row.source for word in modern)
    assert {row.recipe for row in accuracy.load_published()} == set(RECIPES)


def test_another_protocol_is_primary_only_where_no_single_crop_is_confirmed() -> None:
    for name, chosen in accuracy.primaries().items():
        if chosen.dataset != "imagenet" or chosen.protocol == "single central crop":
            continue
        better = [
            row
            for row in accuracy.load_published()
            if row.architecture == name
            and row.confirmed
            and row.recipe == "period"
            and row.protocol == "single central crop"
            and row.top1 is not None
        ]
        assert better == []


def test_a_primary_figure_is_of_images_of_the_size_that_the_network_is_counted_at() -> None:
    for name, row in accuracy.primaries().items():
        if name not in accuracy.PUBLISHED_ONLY:
            assert row.input_size == Shape(entries.get(name).input_size), name


def test_only_segmentation_is_without_a_percentage() -> None:
    bare = [row for row in accuracy.load_published() if row.top1 is None and row.top5 is None]
    assert {row.dataset for row in bare} == {"cityscapes"}


def test_every_row_of_the_file_has_its_own_source() -> None:
    sources = Counter((row.architecture, row.source) for row in accuracy.load_published())
    assert max(sources.values()) == 1


@pytest.mark.parametrize(
    ("name", "error1", "error5"),
    [
        # One minus the errors that the README of KaimingHe/deep-residual-networks prints.
        ("resnet50", 24.7, 7.8),
        ("resnet101", 23.6, 7.1),
        ("resnet152", 23.0, 6.7),
        # README of fb.resnet.torch at its last commit.
        ("resnet18", 30.43, 10.76),
        ("resnet34", 26.73, 8.74),
        ("resnet50_v1_5", 24.01, 7.02),
        ("resnet101_v1_5", 22.44, 6.21),
        ("resnet152_v1_5", 22.16, 6.16),
        # README of Keras Applications.
        ("vgg16", 28.732, 9.95),
        ("vgg19", 28.744, 10.012),
        ("xception", 20.994, 5.548),
        # Table 4 of the BN-Inception paper, Table 2 of the Inception-v4 paper.
        ("bn_inception", 25.2, 7.82),
        ("inception_resnet_v1", 21.3, 5.5),
        # Table 2 of the OverFeat paper.
        ("overfeat_fast", 39.28, 17.12),
        ("overfeat_accurate", 35.60, 14.71),
    ],
)
def test_primary_is_what_remains_of_the_errors_a_source_prints(
    name: str, error1: float, error5: float
) -> None:
    row = accuracy.primaries()[name]
    assert row.top1 == pytest.approx(100 - error1, abs=1e-9)
    assert row.top5 == pytest.approx(100 - error5, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "wrong"),
    # Whole images that were classified wrongly: 95, 35 and 44 of MNIST's 10,000; 643 and 793 and
    # 460 of CIFAR-10's.
    [
        ("lenet5", 95),
        ("ciresan_mlp", 35),
        ("ciresan_mlp_9x1000", 44),
        ("resnet110_cifar", 643),
        ("resnet1202_cifar", 793),
        ("fractalnet_cifar", 460),
    ],
)
def test_primary_of_a_small_data_set_is_a_whole_number_of_images(name: str, wrong: int) -> None:
    row = accuracy.primaries()[name]
    assert row.top1 == pytest.approx(100 * (1 - wrong / accuracy.TEST_IMAGES[row.dataset]))


def test_primary_of_a_name_without_any_row_offers_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="alexnet"):
        accuracy.primary("alexnet2")
    assert accuracy.primary("enet") is None
    found = accuracy.primary("alexnet")
    assert found is not None
    assert found.top1 == 57.1
