"""Artefacts: time and accuracy of the very same join, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opbench.accuracy import wilson_interval
from opbench.accuracy.interval import TEST_IMAGES
from opbench.record import UNKNOWN, Artefact, Record
from opbench.spec import Shape
from opbench.table.artefacts import JoinedArtefact
from opbench.table.folder import Folder, read_folder
from opbench.table.frames import Table
from tests.builders import header, record_of_rounds, write_run
from tests.evaluations import PROTOCOL, write_evaluation

SIZE = Shape((3, 224, 224))
NAME = "small.py:net"


def timed(artefact: str, runtime: str, *seconds: float, **changes: Any) -> Record:
    usual = {"weights_sha256": "w", "output_error": 1e-6, "output_limit": 1e-4}
    settings = {"runtime": runtime, "artefact": artefact, **usual, **changes}
    return record_of_rounds(settings.pop("name", NAME), *seconds, **settings)


def evaluated(results: Path, artefact: str, right: str, *, error: float = 0.0, **more: Any) -> None:
    made = Artefact(
        artefact=artefact,
        precision="float32",
        weights_sha256="w",
        output_error=error,
        output_limit=1e-4,
    )
    changes = {"artefact": made, "dataset": "cifar10", "preprocessing": PROTOCOL, **more}
    write_evaluation(results, changes.pop("name", NAME), right, stem=artefact, **changes)


def write_two(results: Path) -> Folder:
    """Eager and ONNX Runtime, which is twice as fast and gets one image of eight wrong."""
    write_run(results, timed("e", "eager", 0.02, 0.02), timed("o", "onnxruntime", 0.01, 0.01))
    evaluated(results, "e", "11111110")
    evaluated(results, "o", "11111100", runtime="onnxruntime")
    return read_folder(results)


def by_id(folder: Folder) -> dict[str, JoinedArtefact]:
    return {each.cell.artefact: each for each in folder.artefacts}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test set of eight images."""
    monkeypatch.setitem(TEST_IMAGES, "cifar10", 8)


def test_each_runtime_has_its_own_accuracy_and_what_it_loses_and_wins(tmp_path: Path) -> None:
    found = by_id(write_two(tmp_path))
    assert found["e"].top1 == 87.5
    assert found["o"].top1 == 75.0
    lost, faster = found["o"].top1_lost, found["o"].times_faster
    assert lost and faster
    assert lost.estimate == pytest.approx(12.5)
    assert lost.low < 12.5 < lost.high
    assert faster.estimate == pytest.approx(2)
    assert faster.low <= 2 <= faster.high
    assert found["e"].on_frontier and found["o"].on_frontier


def test_a_cell_has_the_accuracy_of_its_own_artefact(tmp_path: Path) -> None:
    cells = Table.of(write_two(tmp_path)).cells.set_index("runtime")
    assert cells["top1"].to_dict() == {"eager": 87.5, "onnxruntime": 75.0}
    assert cells["one_artefact"].all()
    assert cells["joined"].isna().all()
    low, high = wilson_interval(75.0, 8)
    assert cells["top1_low"]["onnxruntime"] == low
    assert cells["top1_high"]["onnxruntime"] == high


def test_other_weights_and_other_runtimes_are_joined_and_said(tmp_path: Path) -> None:
    write_run(
        tmp_path,
        timed("x", "eager", 0.02, weights_sha256="v"),
        timed("y", "onnxruntime", 0.01),
    )
    evaluated(tmp_path, "e", "11111110")
    cells = Table.of(read_folder(tmp_path)).cells.set_index("runtime")
    assert not cells["one_artefact"].any()
    assert cells["top1"].to_dict() == {"eager": 87.5, "onnxruntime": 87.5}
    assert cells["joined"].to_dict() == {
        "eager": "accuracy measured in float32, eager, time of other weights in float32, eager",
        "onnxruntime": "accuracy measured in float32, eager, time in float32, onnxruntime",
    }


def test_what_is_built_in_has_random_weights_unless_a_run_says_which(tmp_path: Path) -> None:
    cells = [timed("r", "eager", 0.02, name="alexnet")]
    write_run(tmp_path, *cells)
    (joined,) = Table.of(read_folder(tmp_path)).cells["joined"]
    assert joined == "published accuracy, time of random weights in float32, eager"
    write_run(tmp_path, *cells, first=header(weights="alexnet.pth"))
    (joined,) = Table.of(read_folder(tmp_path)).cells["joined"]
    assert joined == "published accuracy, time in float32, eager"


def test_the_unknown_is_not_the_same_as_the_unknown(tmp_path: Path) -> None:
    write_run(tmp_path, timed(UNKNOWN, "eager", 0.02))
    evaluated(tmp_path, UNKNOWN, "11111110")
    folder = read_folder(tmp_path)
    assert folder.artefacts == ()
    assert not Table.of(folder).cells["one_artefact"].any()


def test_an_accuracy_of_a_broken_conversion_joins_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, timed("o", "onnxruntime", 0.01))
    evaluated(tmp_path, "o", "11111100", runtime="onnxruntime", error=0.5)
    folder = read_folder(tmp_path)
    (only,) = folder.artefacts
    assert only.top1 is None and not only.on_frontier
    (network,) = (each for each in folder.networks if each.name == NAME)
    assert network.top1 is None
    assert (
        network.measured_beside and "differ from those of eager float32" in network.measured_beside
    )


def test_a_part_of_the_test_set_is_no_accuracy_of_an_artefact(tmp_path: Path) -> None:
    write_run(tmp_path, timed("o", "onnxruntime", 0.01))
    evaluated(tmp_path, "o", "1111110.", runtime="onnxruntime")
    (only,) = read_folder(tmp_path).artefacts
    assert only.top1 is None


def test_an_accuracy_in_batches_joins_the_time_of_one_image_and_of_many(tmp_path: Path) -> None:
    write_run(tmp_path, *(timed("e", "eager", 0.02, batch_size=size) for size in (1, 16)))
    evaluated(tmp_path, "e", "11111110", batch_size=4)
    found = read_folder(tmp_path).artefacts
    assert {(each.cell.batch_size, each.top1) for each in found} == {(1, 87.5), (16, 87.5)}


def test_of_a_network_the_artefact_that_was_evaluated_counts_before_a_later_one(
    tmp_path: Path,
) -> None:
    write_run(tmp_path, timed("e", "eager", 0.02), first=header("1"))
    write_run(tmp_path, timed("random", "eager", 0.03), first=header("2"))
    assert [cell.artefact for cell in read_folder(tmp_path).cells] == ["random"]
    evaluated(tmp_path, "e", "11111110")
    assert [cell.artefact for cell in read_folder(tmp_path).cells] == ["e"]


def test_what_is_slower_and_no_more_accurate_is_on_no_frontier(tmp_path: Path) -> None:
    write_two(tmp_path)
    write_run(tmp_path, timed("c", "compile", 0.03, 0.03), first=header("later"))
    evaluated(tmp_path, "c", "11111110", runtime="compile")
    found = by_id(read_folder(tmp_path))
    assert {key: each.on_frontier for key, each in found.items()} == {
        "e": True,
        "o": True,
        "c": False,
    }


def test_the_frame_has_a_row_for_each_artefact(tmp_path: Path) -> None:
    frame = Table.of(write_two(tmp_path)).artefacts.set_index("runtime")
    assert frame["top1"].to_dict() == {"eager": 87.5, "onnxruntime": 75.0}
    assert frame["top1_lost"].to_dict() == {"eager": 0.0, "onnxruntime": 12.5}
    assert frame["times_faster"].to_dict() == pytest.approx({"eager": 1, "onnxruntime": 2})
    assert frame["on_frontier"].all() and frame["one_artefact"].all()
    assert set(frame["dataset"]) == {"cifar10"} and set(frame["label"]) == {"net"}


def test_a_folder_without_artefacts_has_an_empty_frame(tmp_path: Path) -> None:
    assert Table.of(read_folder(tmp_path)).artefacts.empty


def test_files_of_one_evaluation_by_two_artefacts_have_none(tmp_path: Path) -> None:
    write_run(tmp_path, timed("e", "eager", 0.02), timed("f", "eager", 0.02, batch_size=2))
    evaluated(tmp_path, "e", "1111....", group="e")
    evaluated(tmp_path, "f", "....1110", group="e")
    assert [each.top1 for each in read_folder(tmp_path).artefacts] == [None, None]
