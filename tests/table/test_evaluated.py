"""Networks and what was measured of them: which accuracy is drawn, and on which axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import EVALUATION, EvaluationEnd
from opbench.record import Record, Totals
from opbench.spec import Shape
from opbench.table import read_folder
from opbench.table.evaluated import Evaluated, with_measured
from opbench.table.frames import Table, load
from opbench.table.networks import Network, read_networks
from tests.builders import accuracy, network_row, record
from tests.evaluations import evaluation, header, lines, write_evaluation
from tests.measured_board import RIGHT, answers, protocol, write_board
from tests.strategies import damaged

SIZE = Shape((1, 32, 32))
TOTALS = Totals(params=7, macs=11, activations=5, weight_bytes=28, peak_activation_bytes=64)


def _digits(name: str = "a", **changes: Any) -> Network:
    known = accuracy(name, 99.0, dataset="mnist", protocol="full image", input_size=SIZE)
    return Network.of_registry(
        network_row(name, dataset="mnist", input_size=SIZE), replace(known, **changes)
    )


def _evaluation(name: str = "a", right: int = 9_800, **changes: Any) -> Evaluation:
    usual = {"dataset": "mnist", "preprocessing": protocol(SIZE)}
    made = evaluation(name, answers(right), batch_size=1000)
    return replace(made, header=replace(made.header, **{**usual, **changes}))


def _join(
    *made: Evaluation, networks: Sequence[Network] = (), records: Sequence[Record] = ()
) -> Evaluated:
    known = read_networks([], records, {})
    return with_measured([*networks, *known], records, made)


def test_a_whole_evaluation_wins_over_the_published_accuracy() -> None:
    (network,) = _join(_evaluation(), networks=[_digits()]).networks
    assert (network.top1, network.top1_measured, network.evaluation) == (98.0, True, "a")
    assert network.source == "measured here, evaluation a"
    assert network.comparable and network.single_crop
    # Wilson's interval of 98 % of 10,000: the normal one is 0.274 to either side.
    assert network.top1_low == pytest.approx(98 - 0.274, abs=0.02)
    assert network.top1_high == pytest.approx(98 + 0.274, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"images": 10_001}, "10,000 of 10,001 images answered"),
        ({"labels": "real.csv"}, "by the labels of real.csv"),
        ({"dataset": ""}, "the data set is not known"),
        ({"preprocessing": protocol(Shape((1, 28, 28)))}, "counted at 1x32x32"),
    ],
)
def test_any_other_stands_beside_it_and_says_why(changes: dict[str, Any], why: str) -> None:
    found = _join(_evaluation(**changes), networks=[_digits()])
    (network,) = found.networks
    assert (network.top1, network.top1_measured, network.measured_top1) == (99.0, False, 98.0)
    assert why in (network.measured_beside or "")
    assert not found.elsewhere


def test_an_evaluation_of_images_that_nothing_names_is_told() -> None:
    (note,) = _join(_evaluation(dataset=""), networks=[_digits()]).notes
    assert "does not say which data set it is of: `opbench evaluate --dataset` says so" in note


def test_a_built_in_network_on_another_data_set_is_there_once_more() -> None:
    found = _join(_evaluation(dataset="fashion_mnist"), networks=[_digits()])
    (digits,), (fashion,) = found.networks, found.elsewhere
    assert (digits.dataset, digits.top1, digits.measured) == ("mnist", 99.0, None)
    assert (fashion.name, fashion.dataset, fashion.top1) == ("a", "fashion_mnist", 98.0)
    assert fashion.top1_verdict is None  # nothing of it was published there
    assert fashion.trained_on == "other"


def test_both_data_sets_of_a_network_are_measured() -> None:
    found = _join(_evaluation(), _evaluation(dataset="cifar10"), networks=[_digits()])
    assert [each.top1_measured for each in (*found.networks, *found.elsewhere)] == [True, True]


def test_a_network_of_the_users_has_the_data_set_it_was_evaluated_on() -> None:
    name = "mine.py:net"
    run = record(name, input_size=SIZE)
    found = _join(_evaluation(name, dataset="fashion_mnist"), records=[run])
    (network,) = found.networks
    assert (network.dataset, network.top1, network.macs) == ("fashion_mnist", 98.0, run.load.macs)
    assert not found.elsewhere


def test_a_network_of_the_users_stands_at_the_size_it_was_evaluated_at() -> None:
    small, large = (
        record("mine.py:net", input_size=Shape((1, side, side)), macs=side) for side in (28, 32)
    )
    (network,) = _join(_evaluation("mine.py:net"), records=[small, large]).networks
    assert (str(network.input_size), network.macs) == ("1x32x32", 32)


def test_a_network_that_was_only_evaluated_has_the_counts_of_its_evaluation() -> None:
    (network,) = _join(_evaluation("mine.py:net", counts=TOTALS)).networks
    assert (network.params, network.macs, network.input_size) == (7, 11, SIZE)
    assert (network.label, network.top1) == ("net", 98.0)


def test_a_network_without_counts_is_told() -> None:
    found = _join(_evaluation("mine.py:net"))
    assert not found.networks
    assert "`opbench run mine.py:net` counts and times it" in found.notes[0]


def test_the_data_behind_weights_of_the_users_is_not_known() -> None:
    known = accuracy("a", 70.0)
    network = Network.of_registry(network_row("a"), known)
    images = Shape((3, 224, 224))
    made = evaluation(
        "a",
        answers(40_000, 50_000),
        dataset="imagenet",
        preprocessing=replace(protocol(images), channels=3),
    )
    (found,) = _join(made, networks=[network]).networks
    assert (network.trained_on, found.trained_on) == ("imagenet1k", None)
    assert found.top1 == 80.0


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_board(tmp_path_factory.mktemp("board"))


def test_a_board_is_five_networks_of_one_data_set(board: Path) -> None:
    table = load(board)
    there = table.everywhere
    fashion = there[there["dataset"] == "fashion_mnist"]
    assert {row["name"]: row["top1"] for _, row in fashion.iterrows()} == {
        name: pytest.approx(right / 100) for name, right in RIGHT.items()
    }
    assert fashion["top1_measured"].all()
    assert fashion["macs"].notna().all()
    assert table.dataset == "fashion_mnist"
    (digits,) = (each for each in table.folder.networks if each.name == "lenet5")
    assert (digits.dataset, digits.top1, digits.top1_measured) == ("mnist", 99.05, False)


def test_a_cell_is_there_for_each_data_set_of_its_network(board: Path) -> None:
    table = load(board)
    assert len(table.folder.cells) == 5
    lenet = table.cells[table.cells["name"] == "lenet5"]
    assert set(lenet["dataset"]) == {"mnist", "fashion_mnist"}
    mine = table.cells[table.cells["name"] == "small.py:net"]
    assert [*mine["dataset"]] == ["fashion_mnist"] and mine["own_size"].all()


def test_a_folder_without_evaluations_is_of_imagenet(tmp_path: Path) -> None:
    table = load(tmp_path)
    assert table.dataset == "imagenet"
    assert table.elsewhere.empty and not table.networks["top1_measured"].any()


def test_a_folder_with_an_imagenet_network_timed_is_of_imagenet(tmp_path: Path) -> None:
    networks = [Network.of_registry(network_row("vgg16"), accuracy("vgg16"))]
    folder = replace(read_folder(write_board(tmp_path)), networks=tuple(networks))
    timed = replace(folder.cells[0], record=record("vgg16"))
    assert Table.of(folder).dataset == "fashion_mnist"
    assert Table.of(replace(folder, cells=(timed,))).dataset == "imagenet"


def test_the_readers_own_file_wins_over_measured_and_published(board: Path) -> None:
    own = board / "mine.csv"
    own.write_text("name,top1,dataset\nsmall.py:net,12.5,\nlenet5,13.5,fashion_mnist\n")
    folder = read_folder(board, own)
    by_name = {each.name: each for each in folder.networks}
    for name, top1 in (("small.py:net", 12.5), ("lenet5", 13.5)):
        network = by_name[name]
        assert (network.dataset, network.top1) == ("fashion_mnist", top1)
        assert network.own_accuracy and not network.top1_measured
    assert by_name["small.py:net"].measured_top1 == pytest.approx(90.66)
    assert "lenet5" not in {each.name for each in folder.elsewhere}  # one point on an axis


def test_a_damaged_line_of_an_evaluation_is_told(tmp_path: Path) -> None:
    path = write_evaluation(tmp_path, "vgg16", "1101", dataset="imagenet")
    path.write_bytes(path.read_bytes() + b'{"kind":"batch"}\n')
    (tmp_path / EVALUATION.folder / "empty.jsonl").write_bytes(b"{}\n")
    notes = " ".join(read_folder(tmp_path).notes)
    assert "vgg16.jsonl, line 4: damaged batch" in notes
    assert "empty.jsonl, line 1: the evaluation is skipped" in notes


LINES = tuple(
    EVALUATION.encode(line)
    for line in (
        header("vgg16", 4, dataset="imagenet", counts=TOTALS),
        *lines(header("vgg16", 4), "11x-"),
        EvaluationEnd(reason="finished", answered=3, unanswered=1),
    )
)


@settings(deadline=None, max_examples=30)
@given(written=st.tuples(*(st.just(line) | damaged(line) for line in LINES)))
def test_whatever_an_evaluation_holds_is_a_value_or_a_note(
    tmp_path_factory: pytest.TempPathFactory, written: tuple[bytes, ...]
) -> None:
    results = tmp_path_factory.mktemp("results")
    path = results / EVALUATION.folder / "e.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"\n".join(written))
    table = Table.of(read_folder(results))
    assert not table.networks.empty
    bad = [note for note in table.folder.notes if note.startswith(f"{path}, line ")]
    assert len(bad) <= len(written)
