"""``--accuracies`` means the same to every command that reads it."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from opbench.registry import counts_csv
from opbench.spec import Shape
from tests import builders
from tests.fixtures import Opbench, Rows
from tests.made_up import record

READERS = (
    ("list", "--format", "json"),
    ("plot", "top1", "--file-format", "svg"),
    ("claims", "--format", "json"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network of the reader's, run at two sizes, with twice the MACs at the second."""
    (resnet,) = (row for row in counts_csv.load() if row.name == "resnet18")
    mine = replace(resnet, name="mine.py:net")
    larger = replace(mine, macs=2 * mine.macs, input_size=Shape((3, 320, 320)))
    results = tmp_path / "results"
    builders.write_run(results, record(mine, 1), record(larger, 1))
    return results


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_every_reader_says_what_it_leaves_out(
    opbench: Opbench, folder: Path, command: tuple[str, ...]
) -> None:
    path = folder / "mine.csv"
    path.write_text("name,top1,img_size,notess\nmine.py:net,70,448,x\n")
    done = opbench(*command, "--accuracies", path, "--results", folder)
    assert done.exit_code == 0
    assert "warning:" in done.stderr and "not used: notess" in done.stderr
    assert "`opbench run mine.py:net --input-size 3x448x448`" in done.stderr


@pytest.mark.slow
def test_every_reader_has_the_network_at_the_size_of_its_row(
    opbench: Opbench, rows: Rows, folder: Path
) -> None:
    path = folder / "mine.csv"
    path.write_text("name,top1,img_size\nmine.py:net,70.25,320\nlenet5,1.5,9\n")
    asked = ("--accuracies", path, "--results", folder)
    (row,) = (each for each in rows("list", *asked) if each["name"] == "mine.py:net")
    (resnet,) = rows("list", "resnet18")
    assert (row["input_size"], row["top1"], row["macs"]) == ("3x320x320", 70.25, 2 * resnet["macs"])
    page = folder / "page.html"
    done = opbench("report", "--no-figures", "--output", page, *asked)
    assert done.exit_code == 0
    assert "`opbench run lenet5 --input-size 1x9x9`" in done.stderr
    island = re.search(r'id="island">(.*?)</script>', page.read_text())
    assert island
    (point,) = (each for each in json.loads(island[1])["networks"] if each["name"] == "mine.py:net")
    assert (point["input_size"], point["macs"]) == (row["input_size"], row["macs"])


def test_a_registered_network_at_another_size_loses_what_was_counted_at_its_own(
    opbench: Opbench, folder: Path, tmp_path: Path
) -> None:
    (resnet,) = (row for row in counts_csv.load() if row.name == "resnet18")
    builders.write_run(folder, record(replace(resnet, macs=7, input_size=Shape((3, 8, 8))), 1))
    path = tmp_path / "mine.csv"
    path.write_text("name,top1,img_size\nresnet18,12,8\n")
    asked = ("--accuracies", path, "--results", folder, "--format", "csv")
    (row,) = csv.DictReader(opbench("list", "resnet18", *asked).stdout.splitlines())
    assert (row["input_size"], row["macs"], row["top1"]) == ("3x8x8", "7", "12.0")
    assert (row["fvcore_macs"], row["params"]) == ("", str(resnet.params))
    # Claims are about the network at its paper's size: the published accuracy stays.
    claims = ("claims", "--results", folder, "--format", "json")
    with_own = opbench(*claims, "--accuracies", path)
    assert with_own.stdout == opbench(*claims).stdout
