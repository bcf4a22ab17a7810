"""What the claims rest on: counts, accuracies and run files of a results folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from opbench.claims import Evidence
from opbench.claims.evidence import LackingError
from opbench.spec import Shape
from opbench.table import read_folder
from tests.builders import failure, header, record, write_run

ALEXNET = Shape((3, 227, 227))


def evidence_of(results: Path, accuracies: Path | None = None) -> Evidence:
    return Evidence.of(read_folder(results, accuracies))


def test_a_folder_without_runs_still_has_counts_and_accuracies(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    assert evidence.cells == ()
    assert evidence.macs("conv3x3_256") == 9 * 256 * 256
    assert evidence.top1("alexnet") == 57.1
    assert evidence.point("ENet").params_millions == 5.86


def test_the_readers_own_accuracies_reach_the_claims(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("name,top1\nalexnet,60.5\n")
    evidence = evidence_of(tmp_path, mine)
    assert evidence.top1("alexnet") == 60.5
    assert evidence.accuracies["alexnet"].source == "mine.csv"


def test_only_timed_imagenet_networks_at_their_own_size_are_tried(tmp_path: Path) -> None:
    write_run(
        tmp_path,
        record("alexnet", 2.0, input_size=ALEXNET),
        record("alexnet", 1.0, input_size=ALEXNET, batch_size=16),
        record("alexnet", 1.0, input_size=Shape((3, 64, 64))),
        record("lenet5", 1.0, input_size=Shape((1, 32, 32))),
        record("mine.py:net", 1.0),
        failure("vgg19"),
    )
    evidence = evidence_of(tmp_path)
    assert [cell.latency_s for cell in evidence.timed()] == [2.0, 1.0]
    assert [cell.latency_s for cell in evidence.timed(1)] == [2.0]


def test_conditions_are_tried_one_by_one(tmp_path: Path) -> None:
    for run, cpu in (("1", "a"), ("2", "b")):
        write_run(
            tmp_path,
            record("alexnet", 2.0, input_size=ALEXNET),
            first=header(run, environment={"cpu": cpu}),
        )
    evidence = evidence_of(tmp_path)
    assert [str(each) for each in evidence.conditions] == ["cpu (a)", "cpu (b)"]
    (cell,) = evidence.under(evidence.conditions[1]).cells
    assert cell.conditions.machine == "b"


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    with pytest.raises(LackingError, match="counts of resnet9000"):
        evidence.macs("resnet9000")
    with pytest.raises(LackingError, match="accuracy of conv3x3_256"):
        evidence.top1("conv3x3_256")
    with pytest.raises(LackingError, match="the point ZFNet"):
        evidence.point("ZFNet")
