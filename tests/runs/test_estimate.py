"""Estimates are arithmetic on a peak, the counts and the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from opbench.record import Cell
from opbench.runs import estimate as module
from opbench.runs.estimate import bounds, estimate
from opbench.runs.loop import RunSettings
from opbench.runs.pool import Reply
from opbench.runs.start import Prepared
from opbench.runs.state import RunState
from opbench.timing.protocol import Protocol
from tests.builders import SIZE, cell, header, round_, round_line
from tests.runs.workers import FakeWorkers

# Half a second a round: warm-up takes 0.025 s of it at least, sampling 0.2 s.
PROTOCOL = Protocol(rounds=5, max_seconds=2.5)
SHORTEST_S = 0.225
# Six samples over five rounds are two in each; before them the first call and one to warm up.  In
# the first round there is one more, in which the traffic is seen.
PASSES = 5 * (1 + 1 + 2) + 1


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only what a test says takes forward."""
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_quick_cell_takes_the_shortest_sampling_at_least_and_the_limit_at_most() -> None:
    assert bounds(1e-6, PROTOCOL) == pytest.approx((5 * SHORTEST_S, 2.5), abs=1e-5)


def test_a_slow_cell_takes_its_fewest_passes_at_the_peak_and_below_it() -> None:
    assert bounds(10.0, PROTOCOL) == pytest.approx((PASSES * 10.0, PASSES * 10.0 * module.SLOWEST))


def test_rounds_that_are_there_already_are_taken_off() -> None:
    assert bounds(1e-6, PROTOCOL, taken=4) == pytest.approx((SHORTEST_S, 0.5))
    assert bounds(1e-6, PROTOCOL, taken=6) == (0, 0)


def test_what_is_beside_the_calls_costs_in_each_round_that_there_may_be() -> None:
    fresh, later = (bounds(1e-6, PROTOCOL, cell_s=1.0, taken=taken) for taken in (0, 1))
    assert fresh == pytest.approx((5 * SHORTEST_S + 5, 2.5 + 8), abs=1e-5)
    assert later == pytest.approx((4 * SHORTEST_S + 4, 2.0 + 7))


CELL = cell(batch_size=4)
PEAK = 1e9


class Answers(FakeWorkers):
    """Workers that know the peak and that "a" has 10^9 MACs for one image.

    ``start_s`` is that of their server; ``takes``: seconds on ``clock`` for a job, the first time
    and later.
    """

    def __init__(
        self,
        clock: list[float] | None = None,
        start_s: float = 0.0,
        takes: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        super().__init__(start_s)
        self.clock, self.takes = clock or [0.0], takes or {}
        self.asked: list[str] = []

    def ask(self, request: Mapping[str, Any]) -> Reply:
        job = request["job"]
        self.clock[0] += self.takes.get(job, (0.0, 0.0))[job in self.asked]
        self.asked.append(job)
        if job == "counts":
            return Reply(done={f"a {SIZE}": 10**9})
        return Reply(done={"peak_flops_per_s": PEAK})


def prepared(*cells: Cell) -> Prepared:
    state = RunState(cells, PROTOCOL, cores=2)
    return Prepared(state=state, settings=RunSettings(), header=header())


def test_a_pass_takes_two_flops_for_each_mac_of_each_image() -> None:
    # 2 x 10^9 x 4 images at 10^9 FLOP/s are 8 s.
    least, most = estimate(prepared(CELL), Answers())
    assert least == pytest.approx(PASSES * 8, rel=0.01)
    assert most == pytest.approx(PASSES * 8 * module.SLOWEST, rel=0.01)


def test_cells_add_up_and_rounds_cost_once_for_all_of_them(clock: list[float]) -> None:
    # A server of 600 s and ceilings of 400 s in each round.
    answers = Answers(clock, start_s=600.0, takes={"ceilings": (400.0, 400.0)})
    other = replace(CELL, name="uncountable")
    least, most = estimate(prepared(CELL, other), answers)
    assert least == pytest.approx(5000 + PASSES * 8 + 5 * SHORTEST_S, rel=1e-3)
    assert most == pytest.approx(8000 + PASSES * 8 * module.SLOWEST + 2.5, rel=1e-3)


def test_what_starting_costs_is_measured_and_counted_per_cell_or_per_process(
    clock: list[float],
) -> None:
    def beside(first: float, again: float) -> tuple[float, float]:
        cells = [replace(CELL, name=name) for name in ("b", "c", "d")]
        answers = Answers(clock, takes={"rehearse": (first, again)})
        least, most = estimate(prepared(*cells), answers)
        return least - 3 * 5 * SHORTEST_S, most - 3 * 2.5

    # A process for each cell of 5 rounds or 8; one for each round, in which each cell takes 20 s.
    assert beside(100.0, 100.0) == pytest.approx((3 * 5 * 100, 3 * 8 * 100))
    assert beside(520.0, 20.0) == pytest.approx((5 * (500 + 3 * 20), 8 * (500 + 3 * 20)))


def test_a_gpu_is_heated_in_each_round_and_its_queue_filled_in_the_first() -> None:
    cells = [replace(CELL, name="b", device=device) for device in ("cpu", "cuda:0")]
    (least, most), (on_gpu, most_on_gpu) = (estimate(prepared(each), Answers()) for each in cells)
    # A tenth of a second of heating in each; a second of the queue in the first, then tenths.
    assert on_gpu - least == pytest.approx(5 * 0.1 + 1 + 4 * 0.1)
    assert most_on_gpu - most == pytest.approx(8 * 0.1 + 1 + 7 * 0.1)


def test_only_what_is_missing_is_estimated() -> None:
    going = prepared(CELL, replace(CELL, name="b"))
    for number in range(1, 6):
        going.state.add(round_line(CELL, round_(number)))
    going.state.add(going.state.record(CELL))
    assert estimate(going, Answers()) == pytest.approx((5 * SHORTEST_S, 2.5), rel=0.01)
