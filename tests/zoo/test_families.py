"""Which family and paper a library's architecture belongs to: every one has exactly one answer.

The architectures are asked of the libraries themselves, so a release that adds some fails here
until ``families.csv`` knows them.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import opbench
from opbench.metrics import family_label
from opbench.registry import entries, providers
from opbench.zoo.families import family_of

COLUMNS = ["library", "prefix", "family", "paper", "year", "url", "note"]
ARXIV = re.compile(r"https://arxiv\.org/abs/(\d\d)(\d\d)\.\d{4,5}")
CITED = re.compile(r"arXiv:\d{4}\.\d{4,5}")

with (Path(opbench.__file__).parent / "zoo" / "families.csv").open(encoding="utf-8") as _file:
    ROWS = list(csv.DictReader(_file))


def architectures(library: str) -> list[str]:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    return providers.match(library, "*")


def family(library: str, name: str) -> str:
    found = family_of(f"{library}:{name}")
    assert found is not None, name
    return found.family


def families_by_paper(library: str) -> dict[str, set[str]]:
    found = defaultdict(set)
    for row in ROWS:
        if row["library"] == library and row["url"]:
            found[row["url"]].add(row["family"])
    return found


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_every_architecture_has_a_family_and_every_prefix_an_architecture(library: str) -> None:
    found = {name: family_of(f"{library}:{name}") for name in architectures(library)}
    assert not [name for name, row in found.items() if row is None]
    kept = {row["prefix"] for row in ROWS if row["library"] == library}
    assert kept - {row.prefix for row in found.values() if row} == set()


def test_a_network_that_both_libraries_have_under_one_name_is_of_one_family() -> None:
    shared = set(architectures("timm")) & set(architectures("torchvision"))
    assert {"resnet50", "vgg16", "convnext_tiny", "efficientnet_b0"} <= shared
    assert not [name for name in shared if family("timm", name) != family("torchvision", name)]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("mobilenetv2_100", "mobilenet_v2"),
        ("mobilenetv3_large_100", "mobilenet_v3_large"),
        ("mnasnet_100", "mnasnet1_0"),
        ("regnetx_320", "regnet_x_32gf"),
        ("regnety_004", "regnet_y_400mf"),
        ("tf_efficientnet_b7", "efficientnet_b7"),
        ("efficientnetv2_s", "efficientnet_v2_s"),
        ("swin_tiny_patch4_window7_224", "swin_t"),
        ("swinv2_tiny_window8_256", "swin_v2_t"),
        ("mvitv2_small", "mvit_v2_s"),
        ("maxvit_tiny_tf_224", "maxvit_t"),
        ("vit_base_patch32_224", "vit_b_32"),
        ("inception_v3", "quantized_inception_v3"),
    ],
)
def test_a_network_that_each_library_names_its_own_way_is_of_one_family(
    here: str, there: str
) -> None:
    assert family("timm", here) == family("torchvision", there)


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("convnext_tiny", "ConvNeXt"),
        ("convnextv2_tiny", "ConvNeXt V2"),
        ("resnet101", "ResNet"),
        ("resnet10t", "ResNet-D"),
        ("resnet50d", "ResNet-D"),
        ("resnetv2_50x1_bit", "BiT"),
        ("deit_small_patch16_224", "ViT"),
        ("deit_small_distilled_patch16_224", "DeiT"),
        ("vit_base_patch16_clip_224", "ViT"),
        ("vit_base_patch16_dinov3", "DINOv3 ViT"),
        ("eva02_base_patch14_224", "EVA-02"),
    ],
)
def test_the_longest_prefix_decides(architecture: str, expected: str) -> None:
    assert family("timm", architecture) == expected


def test_a_paper_that_both_libraries_implement_has_a_family_in_common() -> None:
    ours, theirs = families_by_paper("timm"), families_by_paper("torchvision")
    shared = set(ours) & set(theirs)
    assert len(shared) > 15
    assert not [url for url in shared if not ours[url] & theirs[url]]


def test_built_in_architectures_spell_their_family_and_paper_as_here() -> None:
    papers = {row["url"]: (row["paper"], int(row["year"] or 0)) for row in ROWS}
    families = defaultdict(set)
    for row in ROWS:
        families[row["url"]].add(row["family"])
    shared = [
        entry
        for entry in entries.built_in().values()
        if entry.paper.url in papers and entry.family != "modules"
    ]
    assert len(shared) > 10
    for entry in shared:
        assert family_label(entry.family) in families[entry.paper.url], entry.name
        assert (entry.paper.title, entry.paper.year) == papers[entry.paper.url], entry.name


def test_rows_are_sorted_unlike_and_whole() -> None:
    keys = [(row["library"], row["prefix"]) for row in ROWS]
    assert keys == sorted(set(keys))
    assert {row["library"] for row in ROWS} == {"timm", "torchvision"}
    for row in ROWS:
        assert list(row) == COLUMNS
        assert row["prefix"] and row["family"]
        assert all(value == " ".join(value.split()) for value in row.values()), row


def test_a_row_says_more_than_the_shorter_prefix() -> None:
    for row in ROWS:
        other = family_of(f"{row['library']}:{row['prefix'][:-1]}")
        assert other is None or (row["family"], row["url"]) != (other.family, other.url), row


def test_a_family_without_a_paper_says_so() -> None:
    for row in ROWS:
        without = row["note"].startswith("no paper: ")
        assert without == (row["paper"] == "") == (row["year"] == ""), row["prefix"]
        assert without or row["url"], row["prefix"]


def test_one_paper_has_one_title_and_one_year() -> None:
    seen = {(row["url"], row["paper"], row["year"]) for row in ROWS if row["paper"]}
    assert not [url for url, times in Counter(url for url, *_ in seen).items() if times > 1]
    titles = Counter(paper for _, paper, _ in seen)
    assert not [title for title, times in titles.items() if times > 1]


def test_years_are_those_of_the_arxiv_numbers() -> None:
    numbered = [(row, number) for row in ROWS if (number := ARXIV.fullmatch(row["url"]))]
    assert len(numbered) > 300
    for row, number in numbered:
        assert row["year"] == f"20{number[1]}", row["prefix"]
        assert 1 <= int(number[2]) <= 12, row["prefix"]


def test_addresses_are_complete() -> None:
    for row in ROWS:
        if row["url"]:
            address = urlsplit(row["url"])
            assert address.scheme == "https" and "." in address.netloc and address.path
            assert "arxiv" not in address.netloc or ARXIV.fullmatch(row["url"]), row["url"]
        assert row["note"].count("arXiv:") == len(CITED.findall(row["note"])), row["note"]


def test_no_two_families_are_spelt_nearly_alike() -> None:
    spelt = defaultdict(set)
    for row in ROWS:
        spelt[re.sub(r"[^a-z0-9]", "", row["family"].lower())].add(row["family"])
    assert not [names for names in spelt.values() if len(names) > 1]
