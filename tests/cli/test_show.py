"""``opbench show``: who says so, and how was it counted?"""

from __future__ import annotations

from opbench import registry


def test_the_bottleneck_is_the_articles_arithmetic_line_by_line(opbench) -> None:
    out = opbench("show", "bottleneck_256_64").stdout
    for line in ("64 x 256 = 16,384", "64 x 576 = 36,864", "256 x 64 = 16,384", "69,632"):
        assert line in out


def test_the_page_answers_paper_claims_witness_accuracy_and_departures(opbench) -> None:
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


def test_a_claim_that_is_not_met_comes_with_its_explanation(opbench) -> None:
    out = opbench("show", "inception_v3").stdout
    claims = [claim for claim in registry.get("inception_v3").claims if claim.disagreement]
    assert claims
    for claim in claims:
        assert claim.disagreement.split(".")[0][:40] in out.replace("\n", " ").replace("  ", " ")


def test_depth_limits_the_module_table(rows) -> None:
    assert len(rows("show", "googlenet", "--depth", 0)) == 1
    shallow = rows("show", "googlenet", "--depth", 1)
    assert {row["module"].count(".") for row in shallow} == {0}


def test_a_network_of_the_users_needs_no_paper(opbench, write) -> None:
    path = write("mine.py", "from torch import nn\nnet = nn.Conv2d(3, 8, 3)\n")
    result = opbench("show", f"{path}:net", "--input-size", "3x9x9")
    assert result.exit_code == 0
    assert "392 x 27 = 10,584" in result.stdout


def test_several_networks_are_refused(opbench) -> None:
    result = opbench("show", "vgg*")
    assert result.exit_code == 2
    assert "opbench count vgg*" in result.stderr
