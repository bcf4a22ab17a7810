"""``opbench.assert_not_slower``: timings as an assertion, over sides that exist on paper."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from opbench.errors import BadValueError
from opbench.live import quick, start
from opbench.live.match import LiveMatch
from opbench.runs.in_process import InProcess
from opbench.testing.assertions import Assertions
from tests.live.players import Clock, PaperPlayer, Played

Slow = Callable[..., Assertions]


@pytest.fixture
def assertions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Slow:
    """Assertions about networks that take the seconds named."""
    (tmp_path / "pyproject.toml").write_text("[tool.opbench]\n")

    def made(noise: float = 0.001, **seconds: Played) -> Assertions:
        clock, seeds = Clock(), count()

        def player() -> PaperPlayer:
            seed = next(seeds)
            return PaperPlayer(clock, lambda cell: seconds[cell["name"]], noise=noise, seed=seed)

        monkeypatch.setattr(quick, "ForkServer", InProcess)
        monkeypatch.setattr(quick, "ForkPlayer", player)
        monkeypatch.setattr(start, "LiveMatch", partial(LiveMatch, now=clock))
        return Assertions(tmp_path)

    return made


def test_what_takes_as_long_passes(assertions: Slow, tmp_path: Path) -> None:
    assertions(lenet5=0.010, alexnet=0.0101).assert_not_slower("alexnet", "lenet5", by="5%")
    assert [each.name for each in tmp_path.iterdir()] == ["pyproject.toml"]


def test_what_is_faster_passes(assertions: Slow) -> None:
    assertions(lenet5=0.010, alexnet=0.005).assert_not_slower("alexnet", "lenet5")


def test_what_is_slower_fails_with_the_interval(assertions: Slow) -> None:
    with pytest.raises(AssertionError, match=r"^alexnet against lenet5: SLOWER, \+20.*5.00% does"):
        assertions(lenet5=0.010, alexnet=0.012).assert_not_slower("alexnet", "lenet5", by="5%")


def test_what_cannot_be_timed_fails_with_the_reason(assertions: Slow) -> None:
    networks = assertions(lenet5=0.010, alexnet="its process was killed")
    with pytest.raises(AssertionError, match="FAILED, new: its process was killed"):
        networks.assert_not_slower("alexnet", "lenet5")


def test_what_cannot_be_told_warns(assertions: Slow) -> None:
    with pytest.warns(UserWarning, match=r"AMBIGUOUS.* give it a larger max_seconds="):
        assertions(noise=0.9, lenet5=0.01, alexnet=0.01).assert_not_slower("alexnet", "lenet5")


@pytest.mark.parametrize(
    ("options", "said"),
    [({"by": "much"}, "by must look like"), ({"device": "tpu"}, "unknown device 'tpu'")],
)
def test_what_cannot_be_is_one_sentence(
    assertions: Slow, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadValueError, match=said):
        assertions(lenet5=0.010).assert_not_slower("lenet5", "lenet5", **options)
