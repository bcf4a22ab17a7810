"""The loop over workers that are scripts: order, rounds, failures, and going on after any of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from opbench.files import Appender
from opbench.record import Cell, Record
from opbench.runs.lines import RUN, CeilingsLine, End, RoundLine, Warned
from opbench.runs.loop import Run, RunSettings, Watcher
from opbench.runs.pool import Reply
from opbench.runs.state import RunState
from opbench.runs.store import read_run
from opbench.timing.protocol import Protocol
from opbench.value import Value
from tests.builders import cell, header, load, round_, round_line
from tests.runs.workers import FakeWorkers

PROTOCOL = Protocol(precision=0.01, max_seconds=10, rounds=3)
LOAD = load(macs=10**6, kernels=1, traffic_bytes=100)
CEILINGS = {"peak_flops_per_s": 1e9, "bandwidth_bytes_per_s": 1e9, "launch_s": 1e-6}


Answer = Callable[[Cell, int], Reply | float]


class Script(FakeWorkers):
    """Workers that answer as the test says: seconds, or a reply."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[Cell, int]] = []
        self.ceilings = 0
        self.idle: list[tuple[str, bool]] = []

    def ask(self, request: Mapping[str, Any]) -> Reply:
        if request["job"] == "ceilings":
            self.ceilings += 1
            self.idle.append((request["device"], request["with_idle_power"]))
            watts = 50.0 if request["with_idle_power"] else None
            return Reply(done={**CEILINGS, "idle_power_w": watts})
        which = Cell.from_json(request["cell"])
        self.asked.append((which, request["number"]))
        answer = self.answer(which, request["number"])
        if isinstance(answer, Reply):
            return answer
        known = which.device == "cpu" or request["number"] == 1
        assert request["idle_power_w"] == (50.0 if known else None)
        taken = round_(request["number"], *[answer] * 10)
        load = LOAD.to_json() if request["with_load"] else None
        return Reply(done={"round": taken.to_json(), "load": load})


def start(
    folder: Path, plan: list[Cell], answer: Answer, watcher: Watcher | None = None
) -> tuple[Run, Script]:
    script = Script(answer)
    writer = RUN.new(folder)
    writer.append(RUN.encode(header()))
    state = RunState(plan, PROTOCOL, cores=2)
    run = Run(
        state=state,
        settings=RunSettings(),
        writer=writer,
        workers=script,
        watcher=watcher or Watcher(),
    )
    with suppress(KeyboardInterrupt), writer:
        run.go()
    return run, script


def kinds(run: Run) -> Counter[type[Value]]:
    return Counter(map(type, read_run(run.writer.path).lines))


def test_every_cell_has_its_turn_before_any_has_another(tmp_path: Path) -> None:
    _, script = start(tmp_path, [cell("a"), cell("b")], lambda *_: 0.01)
    assert [(which.name, number) for which, number in script.asked] == [
        ("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3),
    ]  # fmt: skip


def test_each_round_measures_the_ceilings_and_all_but_the_first_have_new_workers(
    tmp_path: Path,
) -> None:
    run, script = start(tmp_path, [cell("a"), cell("b")], lambda *_: 0.01)
    assert (script.ceilings, script.renewed) == (3, 2)
    assert kinds(run) == {CeilingsLine: 3, RoundLine: 6, Record: 2, End: 1}


def test_idle_power_is_measured_once_for_all_settings_and_on_a_gpu_in_the_first_round(
    tmp_path: Path,
) -> None:
    both = ("float32", "bfloat16")
    plan = [cell("a", device=on, dtype=dtype) for on in ("cpu", "cuda:0") for dtype in both]
    _, script = start(tmp_path, plan, lambda *_: 0.01)
    on_cpu, on_gpu = (
        [asked for on, asked in script.idle if on == each] for each in ("cpu", "cuda:0")
    )
    assert on_cpu == [True, False] * 3
    assert on_gpu == [True, False, False, False, False, False]


def test_only_cells_whose_rounds_disagree_have_more_of_them(tmp_path: Path) -> None:
    def answer(which: Cell, number: int) -> float:
        return 0.01 if which.name == "steady" else 0.01 + 0.001 * number

    run, script = start(tmp_path, [cell("steady"), cell("moving")], answer)
    assert Counter(which.name for which, _ in script.asked) == {"steady": 3, "moving": 6}
    moving = run.state.records[cell("moving")].measurement
    assert (moving.stopped, len(moving.samples_per_round)) == ("rounds", 6)


def test_a_record_has_counts_samples_interval_and_roofline(tmp_path: Path) -> None:
    run, _ = start(tmp_path, [cell("a", batch_size=4)], lambda *_: 0.01)
    (record,) = read_run(run.writer.path).of(Record)
    assert (record.cell, record.load) == (cell("a", batch_size=4), LOAD)
    assert record.measurement.samples_s == (0.01,) * 30
    assert record.measurement.quality == "good"
    assert record.throughput_images_per_s == pytest.approx(400)
    assert record.attained is not None
    assert record.attained.attained_flops_per_s == pytest.approx(2e6 / 0.01)
    assert record.attained.fraction_of_peak == pytest.approx(0.2)
    assert record.attained.bound_by == "neither"


def test_a_cell_that_fails_has_no_further_turn_and_the_others_go_on(tmp_path: Path) -> None:
    def answer(which: Cell, number: int) -> Reply | float:
        return Reply(failed="its process was killed") if which.name == "bad" else 0.01

    run, script = start(tmp_path, [cell("bad"), cell("good")], answer)
    assert Counter(which.name for which, _ in script.asked) == {"bad": 1, "good": 3}
    assert run.state.failures[cell("bad")].reason == "its process was killed"
    assert list(run.state.records) == [cell("good")]


def test_batches_larger_than_one_that_ran_out_of_memory_are_not_tried(tmp_path: Path) -> None:
    def answer(which: Cell, number: int) -> Reply | float:
        too_much = which.batch_size >= 4 and which.name == "a"
        return Reply(failed="out of memory", out_of_memory=True) if too_much else 0.01

    plan = [cell(name, batch_size=size) for name in "ab" for size in (1, 4, 16)]
    run, script = start(tmp_path, plan, answer)
    largest = cell("a", batch_size=16)
    assert largest not in [which for which, _ in script.asked]
    assert run.state.failures[largest].reason == "not tried: a batch of 4 ran out of memory"
    assert set(run.state.records) == {plan[0], *plan[3:]}


def test_ceilings_that_cannot_be_measured_are_a_warning_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Script.ask

    def refuse(script: Script, request: Mapping[str, Any]) -> Reply:
        if request["job"] == "ceilings":
            return Reply(failed="out of memory")
        return ask(script, {**request, "idle_power_w": 50.0})

    monkeypatch.setattr(Script, "ask", refuse)
    run, _ = start(tmp_path, [cell("a")], lambda *_: 0.01)
    assert kinds(run)[Warned] == 3
    assert run.state.records[cell("a")].attained is None


@pytest.mark.parametrize("turns", range(7))
def test_a_run_interrupted_at_any_turn_is_completed_by_what_is_missing(
    tmp_path: Path, turns: int
) -> None:
    asked: list[tuple[Cell, int]] = []

    def interrupting(which: Cell, number: int) -> float:
        if len(asked) == turns:
            raise KeyboardInterrupt
        asked.append((which, number))
        return 0.01

    plan = [cell("a"), cell("b")]
    first, _ = start(tmp_path, plan, interrupting)
    assert first.state.settled(plan[0]) == (turns >= 5)
    old = read_run(first.writer.path)
    assert old.of(End)[0].reason == ("finished" if turns == 6 else "interrupted")
    _, script = resumed(plan, old.path, lambda *_: 0.01)
    assert len(asked) + len(script.asked) == 6
    assert not set(asked) & set(script.asked)
    whole = read_run(old.path)
    assert whole.finished
    counts = [line.measurement.samples_per_round for line in whole.of(Record)]
    assert counts == [(10, 10, 10)] * 2


def resumed(plan: list[Cell], path: Path, answer: Answer) -> tuple[Run, Script]:
    """Continue the run of ``path``."""
    script = Script(answer)
    state = RunState(plan, PROTOCOL, cores=2).replay(read_run(path).lines)
    with Appender(path) as writer:
        run = Run(state=state, settings=RunSettings(), writer=writer, workers=script)
        run.go()
    return run, script


def test_a_cell_whose_worker_crashed_is_tried_again_by_a_run_that_is_resumed(
    tmp_path: Path,
) -> None:
    def crashing(which: Cell, number: int) -> Reply | float:
        unlucky = which.name == "unlucky" and number == 2
        return Reply(failed="its process was killed") if unlucky else 0.01

    plan = [cell("unlucky"), cell("lucky")]
    first, _ = start(tmp_path, plan, crashing)
    assert list(first.state.failures) == [cell("unlucky")]
    run, script = resumed(plan, first.writer.path, lambda *_: 0.01)
    assert script.asked == [(cell("unlucky"), 2), (cell("unlucky"), 3)]
    assert set(run.state.records) == set(plan)
    assert not run.state.failures


def test_what_ran_out_of_memory_is_not_tried_again(tmp_path: Path) -> None:
    def greedy(which: Cell, number: int) -> Reply | float:
        return Reply(failed="out of memory", out_of_memory=True) if which.batch_size > 1 else 0.01

    plan = [cell(batch_size=size) for size in (1, 4, 16)]
    first, _ = start(tmp_path, plan, greedy)
    run, script = resumed(plan, first.writer.path, lambda *_: 0.01)
    assert script.asked == []
    assert list(run.state.failures) == plan[1:]


def test_a_record_that_was_damaged_is_made_again_of_its_rounds(tmp_path: Path) -> None:
    plan = [cell("a"), cell("b")]
    first, _ = start(tmp_path, plan, lambda *_: 0.01)
    path = first.writer.path
    (lost, _) = read_run(path).of(Record)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if RUN.decode(line) != lost))
    run, script = resumed(plan, path, lambda *_: 0.02)
    assert script.asked == []
    assert lost in read_run(path).of(Record)
    assert not run.state.missing


def test_lines_about_cells_that_are_not_planned_are_passed_over() -> None:
    state = RunState([cell("a")], PROTOCOL, cores=2)
    state.add(round_line(cell("b"), round_()))
    assert list(state.rounds) == [cell("a")]


def test_what_is_not_finished_can_still_be_shown(tmp_path: Path) -> None:
    def interrupting(which: Cell, number: int) -> float:
        if number == 2:
            raise KeyboardInterrupt
        return 0.01

    run, _ = start(tmp_path, [cell("a")], interrupting)
    (record,) = run.state.unfinished()
    assert record.measurement.samples_per_round == (10,)


def test_watchers_hear_of_rounds_cells_and_lines(tmp_path: Path) -> None:
    heard: list[Any] = []
    watcher = Watcher(
        round=lambda number, cells: heard.append((number, cells)),
        cell=lambda which, number: heard.append(which.name),
        line=lambda line: heard.append(type(line)),
    )
    start(tmp_path, [cell("a")], lambda *_: 0.01, watcher)
    assert heard[:4] == [(1, 1), CeilingsLine, "a", RoundLine]
    assert heard[-2:] == [Record, End]
