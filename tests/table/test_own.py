"""A reader's own accuracies: columns by name, matches by full name, the rest listed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from opbench.errors import BadFileError
from opbench.table.networks import join_networks
from opbench.table.own import join_own


@pytest.fixture
def networks() -> pd.DataFrame:
    def fact(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            name=name, label=name, family="f", year=2014, dataset="imagenet",
            input_size="3x224x224", params=10_000_000, macs=1000, activations=10,
        )  # fmt: skip

    names = ("resnet50", "timm:resnet50.a1_in1k", "mine.py:net", "one:x", "two:x", "timm:vgg16")
    published = SimpleNamespace(
        top1=75.3, top5=92.2, protocol="single central crop", source="S", source_url="https://s.org"
    )
    return join_networks([fact(name) for name in names], {"resnet50": published})


def _join(networks: pd.DataFrame, folder: Path, text: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    path = folder / "mine.csv"
    path.write_text(text)
    joined, notes = join_own(networks, path)
    return joined.set_index("name"), notes


def test_a_plain_file_of_names_and_top1_wins_over_what_was_published(
    networks: pd.DataFrame, tmp_path: Path
) -> None:
    joined, notes = _join(networks, tmp_path, "name,top1\nresnet50,70.5\nnet,60\n")
    assert joined.loc["resnet50", "top1"] == 70.5
    assert joined.loc["resnet50", "source"] == "mine.csv"
    assert joined.loc["resnet50", "density"] == pytest.approx(7.05)
    assert joined.loc["mine.py:net", "top1"] == 60
    assert notes == ()


def test_a_protocol_that_is_not_stated_is_no_single_central_crop(
    networks: pd.DataFrame, tmp_path: Path
) -> None:
    joined, _ = _join(networks, tmp_path, "name,top1\nresnet50,70.5\n")
    assert not joined.loc["resnet50", "single_crop"]
    stated, _ = _join(networks, tmp_path, "name,top1,protocol\nresnet50,70.5,single central crop\n")
    assert stated.loc["resnet50", "single_crop"]


def test_the_results_table_of_timm_is_read_and_a_tag_is_part_of_the_name(
    networks: pd.DataFrame, tmp_path: Path
) -> None:
    header = "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation\n"
    rows = (
        "resnet50.a1_in1k,288,81.214,18.786,95.102,4.898,25.56,1.000,bicubic\n"
        "resnet50.tv_in1k,224,76.130,23.870,92.862,7.138,25.56,0.875,bilinear\n"
    )
    joined, notes = _join(networks, tmp_path, header + rows)
    assert joined.loc["timm:resnet50.a1_in1k", "top1"] == 81.214
    assert joined.loc["timm:resnet50.a1_in1k", "top5"] == 95.102
    assert joined.loc["resnet50", "top1"] == 75.3
    assert len(notes) == 1
    assert notes[0].endswith("1 of 2 rows match a network here; these do not: resnet50.tv_in1k")


def test_a_network_of_timm_without_a_tag_is_matched_where_there_is_one_set_of_weights(
    networks: pd.DataFrame, tmp_path: Path
) -> None:
    joined, _ = _join(networks, tmp_path, "model,top1\nvgg16.tv_in1k,71.6\n")
    assert joined.loc["timm:vgg16", "top1"] == 71.6
    joined, notes = _join(networks, tmp_path, "model,top1\nvgg16.tv_in1k,71.6\nvgg16.x,70\n")
    assert joined.loc["timm:vgg16", "top1"] != joined.loc["timm:vgg16", "top1"]
    assert "these do not: vgg16.tv_in1k, vgg16.x" in notes[0]


def test_a_short_name_that_could_be_two_networks_matches_neither(
    networks: pd.DataFrame, tmp_path: Path
) -> None:
    joined, notes = _join(networks, tmp_path, "name,top1\nx,50\n")
    assert joined["top1"].isna().sum() == 5
    assert "these do not: x" in notes[0]


def test_of_two_rows_the_one_at_the_networks_input_size_is_meant(
    networks: pd.DataFrame, tmp_path: Path
) -> None:
    text = "model,img_size,top1\nresnet50,288,78\nresnet50,224,76\n"
    joined, notes = _join(networks, tmp_path, text)
    assert joined.loc["resnet50", "top1"] == 76
    assert notes[0].endswith("these do not: resnet50")


def test_two_rows_that_cannot_be_told_apart_match_nothing_and_are_listed(
    networks: pd.DataFrame, tmp_path: Path
) -> None:
    joined, notes = _join(networks, tmp_path, "name,top1\nresnet50,70\nresnet50,71\n")
    assert joined.loc["resnet50", "top1"] == 75.3
    assert "0 of 2 rows match a network here; these do not: resnet50, resnet50" in notes[0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model,accuracy5\na,1\n", "line 1: no column top1 or"),
        ("top1\n70\n", "line 1: no column name or"),
        ("name,top1\nresnet50,170\n", "top1 of resnet50 is 170"),
        ("name,top1\nresnet50,high\n", "top1 of resnet50 is high"),
        ("", "is no CSV file"),
    ],
)
def test_a_broken_file_is_one_sentence(
    networks: pd.DataFrame, tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(BadFileError, match=complaint):
        _join(networks, tmp_path, text)


def test_a_missing_file_is_named(networks: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="nowhere"):
        join_own(networks, tmp_path / "nowhere.csv")
