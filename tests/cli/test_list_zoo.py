"""``opbench list`` and ``show`` of torchvision and timm, from the facts on file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from opbench.cli.options import parse_quantity
from opbench.errors import BadValueError
from opbench.spec import Shape
from opbench.zoo import rows as zoo
from tests import builders
from tests.fixtures import Opbench, Rows, Write

KEYS = {
    "name", "family", "year", "input_size", "params", "macs", "top1", "top1_source",
    "top1_source_url", "top1_protocol", "trained_on", "resize", "interpolation", "stated_params",
    "stated_macs", "stated_verdict", "release", "licence", "paper",
}  # fmt: skip


def test_neither_torch_nor_pandas_is_imported() -> None:
    commands = (
        ["list", "timm:*", "torchvision:*", "--format", "csv"],
        ["list", "--max-macs", "1G", "--best", "3"],
        ["show", "torchvision:resnet50.IMAGENET1K_V2"],
    )
    code = (
        "import sys; from opbench.cli import app\n"
        f"for args in {commands!r}:\n"
        "    try: app(args)\n"
        "    except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'pandas', 'timm'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_glob_of_a_library_lists_its_weights_with_every_key(rows: Rows) -> None:
    listed = rows("list", "torchvision:resnet50", "timm:convnext_tiny", "lenet5")
    assert set.intersection(*(set(row) for row in listed)) >= KEYS
    first, *_, last = listed
    assert first["name"] == "lenet5"
    assert last["name"].startswith("timm:convnext_tiny.")
    (resnet,) = (row for row in listed if row["name"] == "torchvision:resnet50.IMAGENET1K_V2")
    # https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.resnet50.html
    assert (resnet["top1"], resnet["top5"], resnet["params"]) == (80.858, 95.434, 25_557_032)
    assert (resnet["macs"], resnet["stated_macs"]) == (4_089_184_256, 4_089_000_000)
    assert (resnet["resize"], resnet["interpolation"]) == (232, "bilinear")
    assert (resnet["family"], resnet["year"]) == ("resnet", 2015)
    assert resnet["trained_on"] == "imagenet1k"
    assert resnet["stated_verdict"] == "params and macs agree"
    assert first["stated_verdict"] is None


def test_without_a_glob_there_are_the_built_in_networks_only_until_something_is_asked_for(
    rows: Rows,
) -> None:
    assert not any(":" in row["name"] for row in rows("list"))
    asked = rows("list", "--max-params", "1.3M", "--max-macs", "400M")
    assert {"squeezenet1_1", "torchvision:squeezenet1_1.IMAGENET1K_V1"} <= {
        row["name"] for row in asked
    }
    assert all(row["params"] <= 1_300_000 and row["macs"] <= 400_000_000 for row in asked)


def test_the_best_within_a_budget_come_first_and_share_data_set_and_protocol(rows: Rows) -> None:
    asked = rows("list", "--max-macs", "1G", "--trained-on", "imagenet1k", "--best", 10)
    assert len(asked) == 10
    every = zoo.load("timm") + zoo.load("torchvision")
    top1 = [row["top1"] for row in asked]
    assert top1 == sorted(top1, reverse=True)
    assert top1[0] == max(
        row.top1 or 0
        for row in every
        if row.macs <= 10**9 and (row.trained_on, row.dataset) == ("imagenet1k", "imagenet")
    )
    assert {row["dataset"] for row in asked} == {"imagenet"}
    assert {row["top1_protocol"] for row in asked} <= {"single central crop", "full image"}


def test_other_data_sets_and_protocols_are_left_out_of_the_best_and_told(opbench: Opbench) -> None:
    result = opbench("list", "torchvision:*", "--best", 3)
    others = [
        row for row in zoo.load("torchvision") if row.dataset != "imagenet" or row.top1 is None
    ]
    assert others
    assert f"{len(others)} networks left out of the ranking: no top-1 on ImageNet" in result.stderr
    result = opbench("list", "torchvision:r3d_18", "--best", 1)
    assert "1 network left out of the ranking" in result.stderr  # several views of a video


def test_an_accuracy_of_the_readers_own_replaces_that_of_weights_that_were_run(
    rows: Rows, write: Write, tmp_path: Path
) -> None:
    name = "torchvision:resnet50.IMAGENET1K_V2"
    builders.write_run(tmp_path, builders.record(name))
    mine = write("mine.csv", f"name,top1\n{name},12\n")
    asked = rows("list", "torchvision:resnet50", "--accuracies", mine, "--results", tmp_path)
    assert {row["name"]: row["top1"] for row in asked} == {
        "torchvision:resnet50.IMAGENET1K_V1": 76.13,
        name: 12,
    }


def test_an_accuracy_at_a_size_that_is_not_on_file_is_a_row_of_its_own(
    rows: Rows, write: Write, tmp_path: Path
) -> None:
    name = "torchvision:resnet50.IMAGENET1K_V2"
    builders.write_run(tmp_path, builders.record(name, input_size=Shape((3, 192, 192))))
    mine = write("mine.csv", f"name,top1,img_size\n{name},12,192\n")
    asked = rows("list", "torchvision:resnet50", "--accuracies", mine, "--results", tmp_path)
    assert {(row["name"], row["input_size"]): row["top1"] for row in asked} == {
        ("torchvision:resnet50.IMAGENET1K_V1", "3x224x224"): 76.13,
        (name, "3x224x224"): 80.858,
        (name, "3x192x192"): 12,
    }


def test_near_lists_what_costs_about_the_same_and_is_more_accurate(rows: Rows) -> None:
    squeezenet = 349_152_000  # the network by its paper's table, as the registry has it
    (itself,) = rows("list", "squeezenet1_1")
    assert abs(itself["macs"] / squeezenet - 1) < 0.12
    asked = rows("list", "--near", "squeezenet1_1", "--trained-on", "imagenet1k")
    assert len(asked) > 5
    for row in asked:
        assert abs(row["macs"] / itself["macs"] - 1) <= 0.1
        assert row["top1"] > itself["top1"] and row["dataset"] == "imagenet"
    assert [row["top1"] for row in asked] == sorted((row["top1"] for row in asked), reverse=True)


def test_near_takes_the_best_weights_of_a_network_and_counts_the_readers_own(
    rows: Rows, opbench: Opbench, write: Write
) -> None:
    (best,) = rows("list", "torchvision:resnet50", "--best", 1)
    asked = rows("list", "timm:*", "--near", "torchvision:resnet50", "--best", 3)
    assert len(asked) == 3 and all(row["top1"] > best["top1"] for row in asked)
    own = write("own.py", "from torch import nn\nnet = nn.Conv2d(3, 80, 4, stride=2)\n")
    (first,) = rows("list", "timm:*", "--near", f"{own}:net", "--best", 1)
    assert abs(first["macs"] / (80 * 111 * 111 * 3 * 4 * 4) - 1) <= 0.1
    result = opbench("list", "--near", "resnett50")
    assert result.exit_code == 2
    assert "did you mean resnet50" in result.stderr


def test_near_says_which_weights_stand_for_a_network_and_obeys_the_filter(opbench: Opbench) -> None:
    # The best weights of it saw more images than those.
    every = [row for row in zoo.load("timm") if row.architecture == "timm:regnety_160"]
    assert max(every, key=lambda row: row.top1 or 0).trained_on == "imagenet12k"
    known = [row for row in every if row.trained_on == "imagenet1k" and row.top1 is not None]
    best = max(known, key=lambda row: row.top1 or 0)
    asked = opbench("list", "--near", "timm:regnety_160", "--trained-on", "imagenet1k")
    assert (
        f"near {best.name} at {best.input_size}: {best.macs:,} MACs, top-1 {best.top1:g} %"
        in asked.stderr
    )


@pytest.mark.parametrize("spelling", ["resnet_50", "RESNET50", "ResNet-50"])
def test_near_forgives_the_spelling(spelling: str, opbench: Opbench) -> None:
    asked = opbench("list", "lenet5", "--near", spelling)
    assert "near resnet50 at 3x224x224" in asked.stderr
    asked = opbench("list", "lenet5", "--near", f"torchvision:{spelling}")
    assert "near torchvision:resnet50.IMAGENET1K_V2 at 3x224x224" in asked.stderr


def test_near_takes_the_readers_accuracy_of_the_reference(
    opbench: Opbench, write: Write, tmp_path: Path
) -> None:
    mine = write("mine.csv", "name,top1,protocol\nresnet50,99,single central crop\n")
    command = ("list", "resnet*", "--near", "resnet50", "--results", tmp_path)
    asked = opbench(*command, "--accuracies", mine, "--format", "json")
    assert "top-1 99 %" in asked.stderr
    assert json.loads(asked.stdout) == []


def test_near_a_network_without_an_accuracy_says_that_all_of_like_cost_are_listed(
    opbench: Opbench,
) -> None:
    asked = opbench("list", "--near", "torchvision:r3d_18")  # several views of a video
    assert "no accuracy of torchvision:r3d_18.KINETICS400_V1 compares: all" in asked.stderr


def test_networks_of_unknown_training_data_are_told_and_no_data_is_refused(
    opbench: Opbench, write: Write, tmp_path: Path
) -> None:
    mine = write("mine.csv", "name,top1\nresnet50,76\n")
    own = ("--accuracies", mine, "--results", tmp_path)
    asked = opbench("list", "resnet50", "resnet18", "--trained-on", "imagenet1k", *own)
    assert "1 network left out: the training data is not known" in asked.stderr
    for empty in ("", " ", ","):
        refused = opbench("list", "--trained-on", empty)
        assert refused.exit_code == 2
        assert "--trained-on must be one of imagenet1k" in refused.stderr


def test_several_groups_and_their_names(rows: Rows, opbench: Opbench) -> None:
    asked = rows("list", "timm:tiny_vit*", "--trained-on", "ImageNet-1k,imagenet21k")
    assert {row["trained_on"] for row in asked} == {"imagenet1k", "imagenet21k"}
    result = opbench("list", "--trained-on", "imagenet2k")
    assert result.exit_code == 2
    assert "no training data is called 'imagenet2k'" in result.stderr


def test_nothing_that_matches_is_an_error_with_near_names(opbench: Opbench) -> None:
    for name, told in (
        ("timm:resnet5O", "did you mean timm:resnet50"),
        ("keras:resnet50", "use `opbench count keras:resnet50`"),
    ):
        result = opbench("list", name)
        assert result.exit_code == 2
        assert told in result.stderr
        assert not result.stdout


@pytest.mark.parametrize(
    ("text", "value"),
    [("500M", 5e8), ("2G", 2e9), ("1.5 g".replace(" ", ""), 1.5e9), ("20k", 2e4), ("1e9", 1e9)],
)
def test_quantities_have_units(text: str, value: float) -> None:
    assert parse_quantity("--max-macs", text) == value


@pytest.mark.parametrize("text", ["", "G", "-1G", "0", "1GM", "nan", "inf", "1_0", "two"])
def test_other_quantities_are_refused(text: str) -> None:
    with pytest.raises(BadValueError, match="--max-macs must be a positive number"):
        parse_quantity("--max-macs", text)


def test_show_answers_from_file_who_says_so_and_how_it_was_counted(opbench: Opbench) -> None:
    result = opbench("show", "torchvision:resnet50.IMAGENET1K_V2")
    assert result.exit_code == 0, result.stderr
    out = " ".join(result.stdout.split())
    for answer in (
        "Deep Residual Learning for Image Recognition",
        "BSD-3-Clause",
        "imagenet1k",
        "4,089,184,256",
        "4,089,000,000",
        "agrees",
        "80.858",
        "single central crop",
        "1 MAC = 2 operations",
    ):
        assert answer in out, answer


def test_a_difference_is_shown_with_its_explanation(opbench: Opbench) -> None:
    out = " ".join(
        opbench("show", "torchvision:quantized_resnet50.IMAGENET1K_FBGEMM_V2").stdout.split()
    )
    assert "differs" in out
    assert "folded into the convolution" in out


def test_weights_at_several_sizes_are_rows_of_one_page(opbench: Opbench) -> None:
    out = opbench("show", "timm:convnext_tiny.fb_in1k").stdout
    assert "3x224x224" in out and "3x288x288" in out


def test_a_network_of_a_library_is_shown_with_the_weights_on_file(opbench: Opbench) -> None:
    out = opbench("show", "torchvision:shufflenet_v2_x0_5", "--depth", 0).stdout
    _, _, weights = out.partition("Weights on file")
    assert "torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1" in weights
    assert "60.552" in weights and "imagenet1k" in weights
    assert "Weights on file" not in opbench("show", "lenet5").stdout


def test_a_table_of_results_is_no_file_of_rows(opbench: Opbench, write: Write) -> None:
    result = opbench("list", "timm:*", "--update", "--accuracies", write("mine.csv", "name,top1\n"))
    assert result.exit_code == 2
    assert "the header lacks model" in result.stderr
