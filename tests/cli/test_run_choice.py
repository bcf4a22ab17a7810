"""``opbench run --near``, ``--best``, ``--frontier`` and limits: networks on file are chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from opbench.cli import run as command
from opbench.runs.pool import Reply
from opbench.spec import Shape
from tests import builders
from tests.fixtures import Opbench, Rows
from tests.runs.workers import FakeWorkers

Dry = Callable[..., list[tuple[str, str]]]
ALEXNET = "torchvision:alexnet.IMAGENET1K_V1"
# https://docs.pytorch.org/vision/stable/models.html: top-1 of VGG 11 to 19, without and with BN.
VGG = {"11": 69.02, "13": 69.928, "16": 71.592, "19": 72.376, "19_bn": 74.218, "16_bn": 73.36}


class Library(FakeWorkers):
    """Workers that know every target, of another size than any accuracy is of."""

    def ask(self, request: Mapping[str, Any]) -> Reply:
        if request["job"] == "targets":
            targets = [{"name": name, "input_size": "3x7x7"} for name in request["patterns"]]
            return Reply(done={"targets": targets, "facts": {}, "gpus": {}})
        if request["job"] == "ceilings":
            return Reply(done=builders.ceilings().ceilings.to_json())
        return Reply(done={})


@pytest.fixture
def dry(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Dry:
    """Names and sizes that ``opbench run`` would time."""
    monkeypatch.setattr(command, "choose_workers", lambda **_: Library())
    return lambda *args: [
        (row["name"], row["input_size"]) for row in rows("run", *args, "--dry-run")
    ]


def test_the_best_are_timed_at_the_size_of_their_accuracy(dry: Dry) -> None:
    best = [(f"torchvision:vgg{which}.IMAGENET1K_V1", "3x224x224") for which in ("19_bn", "16_bn")]
    assert VGG["19_bn"] > VGG["16_bn"] > max(VGG[which] for which in ("11", "13", "16", "19"))
    assert dry("torchvision:vgg*", "--best", 2) == best


def test_a_network_is_timed_at_every_size_that_is_chosen(dry: Dry) -> None:
    name = "timm:convnext_tiny.fb_in1k"
    assert set(dry(name, "--best", 2)) == {(name, "3x224x224"), (name, "3x288x288")}


@pytest.mark.parametrize(
    "options",
    [
        ("timm:*", "torchvision:*", "--frontier", "--max-macs", "2G"),
        ("--near", "squeezenet1_1", "--trained-on", "imagenet1k"),
        ("timm:*", "--near", ALEXNET, "--best", "3", "--max-params", "5M"),
        ("--max-memory", "8MiB"),
    ],
)
def test_run_times_what_list_lists(options: tuple[str, ...], dry: Dry, rows: Rows) -> None:
    listed = [(row["name"], row["input_size"]) for row in rows("list", *options)]
    assert listed
    assert sorted(dry(*options)) == sorted(listed)


def test_no_other_beats_a_network_of_the_frontier(rows: Rows) -> None:
    limits = ("timm:*", "--max-macs", "600M", "--trained-on", "imagenet1k")
    every, kept = rows("list", *limits, "--best", 10_000), rows("list", *limits, "--frontier")
    names = {(row["name"], row["input_size"]) for row in kept}
    beaten = {
        (one["name"], one["input_size"])
        for one in every
        for other in every
        if other["macs"] <= one["macs"] and other["top1"] >= one["top1"]
        if (other["macs"], other["top1"]) != (one["macs"], one["top1"])
    }
    assert names == {(row["name"], row["input_size"]) for row in every} - beaten
    assert kept == sorted(kept, key=lambda row: -row["top1"])
    assert rows("list", *limits, "--frontier", "--best", 3) == kept[:3]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (
            ("--best", "3", "--input-size", "3x64x64"),
            "--best times each network on images of the size that its accuracy is of: remove "
            "--input-size",
        ),
        (
            ("--near", "resnet50", "--input", "1x3x64x64"),
            "--near times each network on images of the size that its accuracy is of: remove "
            "--input",
        ),
        (
            ("--best", "3", "--stages"),
            "--best times networks on file, which bring no images: remove --stages",
        ),
        (
            ("mine.py:net", "--max-macs", "1G"),
            "--max-macs chooses among the built-in networks and those of torchvision and timm: "
            "remove mine.py:net",
        ),
        (("timm:*", "--max-macs", "10"), "no network on file fits --max-macs: ask for less"),
        (("--best", "3", "--near", "resnett50"), "did you mean resnet50"),
        (("--resume", "--best", "3"), "--resume keeps the run's settings: remove --best"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    args: tuple[str, ...], sentence: str, opbench: Opbench, tmp_path: Path
) -> None:
    result = opbench("run", *args, "--results", tmp_path)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
    assert not result.stdout


def test_latency_and_memory_are_limits_of_list(
    rows: Rows, opbench: Opbench, tmp_path: Path
) -> None:
    size = Shape((3, 227, 227))
    fast, slow = (
        builders.record(
            name, latency, input_size=size if name == "alexnet" else Shape((3, 224, 224))
        )
        for name, latency in (("alexnet", 0.01), ("resnet50", 0.03))
    )
    builders.write_run(tmp_path, fast, slow)
    timed = ("list", "--results", tmp_path, "--max-latency")
    assert [row["name"] for row in rows(*timed, "20ms")] == ["alexnet"]
    assert [row["name"] for row in rows(*timed, "0.03s", "--best", 5)] == ["resnet50", "alexnet"]
    assert "not timed on this machine" in opbench(*timed, "20ms").stderr
    refused = opbench(*timed, "20")
    assert refused.exit_code == 2
    assert "--max-latency must be a time with its unit, such as 20ms or 0.5s" in refused.stderr
    refused = opbench(*timed, "20ms", "lenet5")
    assert refused.exit_code == 2
    assert "none of these networks was timed on a CPU" in refused.stderr


def test_memory_is_that_of_weights_and_activations(rows: Rows) -> None:
    every = rows("list", "torchvision:*")
    limit = 10 * 2**20
    small = rows("list", "torchvision:*", "--max-memory", "10MiB")
    assert [row["name"] for row in small] == [
        row["name"] for row in every if row["weight_bytes"] + row["peak_activation_bytes"] <= limit
    ]
    assert small == rows("list", "torchvision:*", "--max-memory", str(limit))
    assert len(rows("list", "torchvision:*", "--max-memory", "10MB")) < len(small) < len(every)
