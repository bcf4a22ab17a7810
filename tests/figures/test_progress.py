"""The figure of progress draws the steps that the table finds, and says their halving time."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from opbench.accuracy import primaries
from opbench.figures import Options, find
from opbench.figures.parts.frame import caption
from opbench.table.frames import Table
from opbench.table.progress import competing, halving_time, steps

mpl.use("agg")


@pytest.fixture(scope="module")
def drawn(timed_table: Table) -> Figure:
    return find("progress")(timed_table, Options())


def _words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.findobj(Text)]


def _costs(axes: Axes) -> Iterator[list[float]]:
    """The cost at each step of each line."""
    for line in axes.lines:
        heights = np.asarray(line.get_ydata(), float)
        if len(heights) > 2:
            yield [*heights[::2]]


@pytest.mark.parametrize(("panel", "cost", "scale"), [(0, "flops", 1e-9), (1, "params", 1e-6)])
def test_each_line_is_the_steps_of_an_accuracy(
    panel: int, cost: str, scale: float, drawn: Figure, timed_table: Table
) -> None:
    top1 = primaries()["alexnet"].top1
    assert top1 is not None
    networks = competing(timed_table.folder.networks)
    alone = [each for each in networks if each.trained_on == "imagenet1k"]
    lines = [*_costs(drawn.axes[panel])]
    assert len(lines) == 10
    for some, accuracy in ((networks, top1), (alone, top1), (networks, 85.0), (alone, 85.0)):
        found = [step.cost * scale for step in steps(some, accuracy, cost)]  # type: ignore[arg-type]
        assert any(line == pytest.approx(found) for line in lines)


def test_every_step_is_named_once(drawn: Figure, timed_table: Table) -> None:
    words = _words(drawn.axes[0])
    # As ordered by year: AlexNet's own, and networks of the registry and of libraries.
    assert [words.count(name) for name in ("AlexNet", "efficientvit_l2", "volo_d2_224")] == [1] * 3
    # One network lowered two accuracies.
    assert words.count("mobilenetv1_100") == 1
    assert "there was no room" not in caption(drawn)


def test_the_caption_tells_the_halving_times_and_what_others_counted(
    drawn: Figure, timed_table: Table
) -> None:
    networks = competing(timed_table.folder.networks)
    top1s = [primaries()[name].top1 or 0 for name in ("alexnet", "googlenet", "resnet50")]
    top1s += [primaries()["inception_resnet_v2"].top1 or 0, 85.0]
    words = caption(drawn).replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert (
        f"by networks trained on ImageNet-1k alone, in {halving_time(networks, top1s, 'params')}"
        in words
    )
    assert "training compute, not of one forward pass" in words
    assert {"arXiv:2005.04305", "arXiv:2212.05153"} <= {
        each.strip("(;).") for each in words.split()
    }


def test_operations_can_be_multiply_accumulates(timed_table: Table) -> None:
    figure = find("progress")(timed_table, Options(unit="macs"))
    assert "GMAC" in figure.axes[0].get_ylabel()
    # AlexNet's own 724,406,816 in 2012.
    assert {line[0] for line in _costs(figure.axes[0])} >= {724_406_816 * 1e-9}
