"""``opbench show``: who says so, and how was it counted?"""

from __future__ import annotations

import json

import pytest

from opbench.accuracy import load_chart2016, load_published
from opbench.registry import entries
from tests.fixtures import Opbench, Rows, Write


def test_the_bottleneck_is_the_articles_arithmetic_line_by_line(opbench: Opbench) -> None:
    out = opbench("show", "bottleneck_256_64").stdout
    for line in ("64 x 256 = 16,384", "64 x 576 = 36,864", "256 x 64 = 16,384", "69,632"):
        assert line in out


def test_the_page_answers_paper_stated_values_witness_accuracy_and_departures(
    opbench: Opbench,
) -> None:
    out = opbench("show", "resnet50").stdout
    for answer in (
        "Deep Residual Learning",
        "https://arxiv.org/abs/1512.03385",
        "3,857,973,248",
        "The paper's own numbers, recomputed",
        "75.3",
        "single central crop",
        "Departures from the paper",
    ):
        assert answer in out, answer


def test_a_stated_value_that_is_not_met_comes_with_its_explanation(opbench: Opbench) -> None:
    out = opbench("show", "inception_v3").stdout
    reasons = [each.disagreement for each in entries.get("inception_v3").stated]
    assert any(reasons)
    for reason in reasons:
        assert reason.split(".")[0][:40] in out.replace("\n", " ").replace("  ", " ")


def test_depth_limits_the_module_table(rows: Rows) -> None:
    assert len(rows("show", "googlenet", "--depth", 0)) == 1
    shallow = rows("show", "googlenet", "--depth", 1)
    assert {row["module"].count(".") for row in shallow} == {0}


def test_a_network_of_the_users_needs_no_paper(opbench: Opbench, write: Write) -> None:
    path = write("mine.py", "from torch import nn\nnet = nn.Conv2d(3, 8, 3)\n")
    result = opbench("show", f"{path}:net", "--input-size", "3x9x9")
    assert result.exit_code == 0
    assert "392 x 27 = 10,584" in result.stdout


def test_several_networks_are_refused(opbench: Opbench) -> None:
    result = opbench("show", "vgg*")
    assert result.exit_code == 2
    assert "opbench count vgg*" in result.stderr


def test_every_accuracy_has_its_input_its_recipe_and_what_is_noted_about_it(
    opbench: Opbench,
) -> None:
    rows = [row for row in load_published() if row.architecture == "resnet50_v1_5"]
    modern = [str(row.top1) for row in rows if row.recipe == "modern"]
    lines = opbench("show", "resnet50_v1_5").stdout.splitlines()
    assert modern
    assert [line.split()[0] for line in lines if " modern " in line] == modern
    assert all("3x224x224" in line for line in lines if " modern " in line)
    for row in rows:
        assert not row.note or f"{row.source}: {row.note}" in " ".join("".join(lines).split())


def test_a_figure_that_was_read_elsewhere_says_where(opbench: Opbench) -> None:
    (primary,) = (
        row for row in load_published() if row.architecture == "overfeat_fast" and row.primary
    )
    assert primary.evidence == "read-secondary"
    out = " ".join(opbench("show", "overfeat_fast").stdout.split())
    assert f"* {primary.source}: {primary.note}" in out


def test_what_others_print_of_a_network_is_not_called_the_papers_number(opbench: Opbench) -> None:
    out = opbench("show", "fractalnet_cifar").stdout
    assert "The paper's own numbers" not in out
    assert "38,600,000" in out.partition("Stated by others")[2]
    own, _, others = opbench("show", "inception_v3").stdout.partition("Stated by others")
    assert "4,800,000,000" in own and "25,000,000" not in own
    assert "25,000,000" in others


def test_a_point_that_was_only_published_is_answered_for(opbench: Opbench, rows: Rows) -> None:
    out = " ".join(opbench("show", "enet_chart2016").stdout.split())
    (point,) = (each for each in load_chart2016() if each.architecture == "enet_chart2016")
    for said in ("1.57 G-Ops", "5.86 M", "68.4", "https://arxiv.org/abs/1605.07678"):
        assert said in out, said
    assert point.correction in out
    assert [row["top1"] for row in rows("show", "enet_chart2016")] == [68.4]
    refused = opbench("show", "enet_chart2016", "--conventions")
    assert refused.exit_code == 2
    assert "never published" in refused.stderr


NOISY = """
from torch import nn
print("imported")
class Noisy(nn.Conv2d):
    def forward(self, x):
        print("running")
        return super().forward(x)
def net():
    print("building")
    return Noisy(3, 8, 3)
"""


@pytest.mark.slow
def test_what_a_network_prints_stays_off_stdout(opbench: Opbench, write: Write) -> None:
    target = f"{write('noisy.py', NOISY)}:net"
    for options in (("--format", "json"), ("--conventions", "--format", "json")):
        result = opbench("show", target, "--input-size", "3x9x9", *options)
        assert result.exit_code == 0, result.stderr
        assert {row["name"] for row in json.loads(result.stdout)} == {target}
        assert "building" in result.stderr and "running" in result.stderr


def test_a_network_of_the_users_is_counted_a_second_time_as_well(
    opbench: Opbench, write: Write
) -> None:
    path = write(
        "second.py",
        "from torch import nn\nconv = nn.Conv2d(3, 8, 3)\n"
        "class Pairs(nn.Bilinear):\n    def forward(self, x): return super().forward(x, x)\n"
        "pairs = Pairs(5, 5, 4)\n",
    )
    out = opbench("show", f"{path}:conv", "--input-size", "3x9x9").stdout
    assert f"fvcore       {8 * 7 * 7 * 27:,}, equal" in out
    out = " ".join(opbench("show", f"{path}:pairs", "--input-size", "5").stdout.split())
    assert "fvcore 0: bilinear: 100 here, 0 by fvcore (fvcore has no rule for bilinear)" in out
    out = opbench("show", f"{path}:conv", "--input-size", "3x9x9", "--no-witness").stdout
    assert "fvcore       no count: not asked for" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lenet5", "vgg16"), "show takes one network, not 2: `opbench count lenet5 vgg16`"),
        (("lenet5", "--conventions", "--depth", 1), "remove --depth"),
    ],
)
def test_what_show_cannot_do_is_refused(
    opbench: Opbench, arguments: tuple[object, ...], said: str
) -> None:
    result = opbench("show", *arguments)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_the_registry_at_another_size_than_on_file_is_counted_a_second_time(
    opbench: Opbench,
) -> None:
    out = opbench("show", "conv3x3_256", "--input-size", "256x3x3").stdout
    assert f"fvcore       {9 * 589_824:,}, equal" in out


def test_what_does_not_fit_into_memory_is_not_counted_a_second_time(
    opbench: Opbench, write: Write
) -> None:
    path = write("huge.py", "from torch import nn\ndef net(): return nn.Linear(10**6, 10**6)\n")
    out = opbench("show", f"{path}:net", "--input-size", "1000000").stdout
    assert "MACs         1,000,000,000,000 " in out
    assert "fvcore       no count: its tensors need 4,000.0 GB, and " in out
