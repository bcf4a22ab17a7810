"""``opbench count --convention`` and ``opbench show --conventions``."""

from __future__ import annotations

import json
import sys

import pytest

from opbench.accuracy import load_chart2016
from opbench.cli.conventions import NAMES
from opbench.conventions import CONVENTIONS, PEERS
from tests.fixtures import Opbench, Rows, Write

CORRECTED = {point.architecture: point.correction for point in load_chart2016() if point.correction}
CONV = "from torch import nn\nnet = nn.Conv2d(3, 8, 3, padding='same')\n"


def flat(text: str) -> str:
    """Lines as one, the way they were before the terminal broke them."""
    return " ".join(text.split())


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    for peer in PEERS.values():
        monkeypatch.setitem(sys.modules, peer.package, None)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of the tools' processes would wait for those of other tests."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_a_count_by_convention_has_the_usual_keys_and_the_other_number(rows: Rows) -> None:
    (row,) = rows("count", "alexnet", "--convention", "connections")
    assert row["macs"] == 724_406_816 and row["params"] == 60_965_224
    assert row["convention"] == "connections" and row["unit"] == "connections"
    biases = 96 * 55**2 + 256 * 27**2 + (384 + 384 + 256) * 13**2 + 4096 + 4096 + 1000
    assert row["value"] == 724_406_816 + biases


def test_the_header_says_convention_and_unit(opbench: Opbench) -> None:
    out = flat(opbench("count", "vgg16", "--convention", "torchvision").stdout)
    assert "torchvision (MACs)" in out
    assert "15.47 GFLOPS" in out
    assert CONVENTIONS["torchvision"].about in out


def test_kinds_of_operators_add_up(rows: Rows) -> None:
    (whole,) = rows("count", "googlenet", "--convention", "chart2016")
    kinds = rows("count", "googlenet", "--convention", "chart2016", "--by", "operator")
    assert sum(row["value"] for row in kinds) == whole["value"]
    top = rows("count", "googlenet", "--convention", "chart2016", "--by", "operator", "--top", 1)
    assert [row["kind"] for row in top] == ["convolution"]


def test_input_size_and_batch_size_are_heeded(rows: Rows) -> None:
    small = ("squeezenet1_1", "--convention", "chart2016", "--input-size", "3x64x64")
    (one,), (three,) = rows("count", *small), rows("count", *small, "--batch-size", 3)
    assert three["value"] == 3 * one["value"]


@pytest.mark.slow
def test_a_tool_is_asked_by_module_and_says_its_version(
    opbench: Opbench, rows: Rows, write: Write
) -> None:
    pytest.importorskip("thop")
    target = f"{write('mine.py', CONV)}:net"
    (whole,) = rows("count", target, "--input-size", "3x5x5", "--convention", "thop")
    assert whole["value"] == whole["macs"] == 8 * 25 * 27
    assert whole["version"] == PEERS["thop"].version()
    out = opbench(
        *("count", target, "--input-size", "3x5x5", "--convention", "thop", "--by", "module")
    ).stdout
    assert "(network)" in out and "5,400" in out and "100.0" in out
    assert f"thop {whole['version']}: {PEERS['thop'].about}" in flat(out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--convention", "thopp"], "did you mean thop"),
        (["--convention", "mac", "--by", "module"], "use --by model or operator"),
        (["--convention", "thop", "--by", "operator"], "use --by model or module"),
        (["--convention", "ptflops", "--by", "module"], "use --by model"),
        (["--convention", "ptflops"], "ptflops, which is not installed; try: pip install ptflops"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence_and_exit_code_2(
    opbench: Opbench, no_tools: None, arguments: list[str], said: str
) -> None:
    result = opbench("count", "lenet5", *arguments)
    assert result.exit_code == 2
    assert said in flat(result.stderr)
    assert not result.stdout


def test_a_network_that_the_tool_cannot_count_is_a_row_and_the_others_go_on(
    opbench: Opbench,
) -> None:
    result = opbench("count", "enet", "lenet5", "--convention", "torch-opcounter", "--format=json")
    assert result.exit_code == 1
    enet, lenet = json.loads(result.stdout)
    assert "no handler for transposed convolution" in enet["error"]
    assert lenet["value"] > 0


def test_the_help_names_every_convention() -> None:
    assert NAMES.split(", ") == list(CONVENTIONS)


@pytest.mark.slow
def test_conventions_side_by_side_with_their_differences(rows: Rows, write: Write) -> None:
    if missing := [name for name, peer in PEERS.items() if peer.missing()]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    path = write("mine.py", CONV)
    shown = rows("show", f"{path}:net", "--input-size", "3x5x5", "--conventions")
    assert [row["convention"] for row in shown] == list(CONVENTIONS)
    by_name = {row["convention"]: row for row in shown}
    assert by_name["mac"]["value"] == 8 * 25 * 27
    assert by_name["mac"]["itemised"] == "equal"
    assert by_name["connections"]["difference_bias"] == by_name["ptflops"]["difference"] == 200
    assert by_name["connections"]["itemised"] == "+200 bias"
    assert by_name["fvcore"]["itemised"] == "-5,400"  # no handle for padding="same"
    for row in shown:
        assert row["difference"] == row["value"] - by_name["mac"]["value"]
        gaps = [value for key, value in row.items() if key.startswith("difference_")]
        assert sum(gaps) == (0 if row["convention"] in PEERS else row["difference"])


def test_a_tool_that_cannot_count_says_so_in_its_place(rows: Rows, no_tools: None) -> None:
    shown = {row["convention"]: row for row in rows("show", "enet", "--conventions")}
    assert shown["torch-opcounter"]["value"] is shown["thop"]["value"] is None
    assert "no handler" in shown["torch-opcounter"]["itemised"]
    assert "pip install thop" in shown["thop"]["itemised"]
    assert shown["flop"]["difference_transposed_convolution"] > 0


def test_the_table_explains_every_convention_and_the_chart(
    opbench: Opbench, no_tools: None
) -> None:
    out = flat(opbench("show", "googlenet", "--conventions").stdout)
    assert all(flat(convention.about) in out for convention in CONVENTIONS.values())
    assert "3.0 G-Ops there, 3.18 by chart2016 (+6.2%)." in out
    assert flat(CORRECTED["googlenet"]) in out


@pytest.mark.parametrize("name", CORRECTED)
def test_show_explains_a_point_of_the_chart_that_is_not_met(opbench: Opbench, name: str) -> None:
    assert flat(CORRECTED[name]) in flat(opbench("show", name).stdout)


def test_a_point_that_is_met_needs_no_explanation(opbench: Opbench, no_tools: None) -> None:
    assert "chart of 2016" not in opbench("show", "resnet18").stdout
    assert "3.63 by chart2016 (+0.1%)" in flat(opbench("show", "resnet18", "--conventions").stdout)
