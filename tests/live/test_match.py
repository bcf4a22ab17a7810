"""A match: pairs, exchanged roles, when it ends, and what is on disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opbench.files import Appender
from opbench.live.comparison import told
from opbench.live.lines import (
    COMPARISON,
    Compared,
    ComparedSide,
    ComparedSides,
    PairLine,
    SideArtefact,
    SideFailure,
)
from opbench.live.match import FEWEST_ROUNDS, LiveMatch, SideFolder, Step
from opbench.live.verdict import LOOKS, PAIRS
from opbench.record import Artefact
from opbench.runs.verdict import Verdict
from tests.builders import cell
from tests.live.players import Clock, PaperPlayer, Played

Play = Callable[..., tuple[Compared, "Table"]]


class Table:
    """The two players of a match and its clock."""

    def __init__(self, seconds: Callable[[Any], Played], **options: Any) -> None:
        self.clock = Clock()
        self.steps: list[Step] = []
        self.players = tuple(
            PaperPlayer(self.clock, seconds, seed=seed, **options) for seed in (1, 2)
        )


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play base against new, which take the seconds named."""

    def played(base: Played, new: Played, **options: Any) -> tuple[Compared, Table]:
        max_seconds = options.pop("max_seconds", 30.0)
        sides = ComparedSides(
            comparison=1,
            base=ComparedSide(cell=cell("base")),
            new=ComparedSide(cell=cell("new")),
            threshold=0.05,
        )
        table = Table(lambda one: {"base": base, "new": new}[one["name"]], **options)
        with Appender(tmp_path / "file.jsonl") as writer:
            match = LiveMatch(
                sides=sides,
                places={"base": SideFolder(Path("/base")), "new": SideFolder(Path("/new"))},
                settings={"seed": 0},
                players=(table.players[0], table.players[1]),
                max_seconds=max_seconds,
                writer=writer,
                draw=random.Random(0),
                watch=table.steps.append,
                now=table.clock,
            )
            return match.play(), table

    return played


def lines(folder: Path) -> list[Any]:
    raw = (folder / "file.jsonl").read_bytes().splitlines()
    return [COMPARISON.decode(line) for line in raw]


def test_others_are_watched_only_while_turns_are_taken(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One side is built after the other, and what others do meanwhile disturbs no turn."""
    done: list[str] = []

    def watch() -> Callable[[], tuple[None, None]]:
        done.append("watch")
        return lambda: (None, None)

    def noted(name: str, usual: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            done.append(name)
            return usual(*arguments)

        return call

    for name in ("open", "ready", "block"):
        monkeypatch.setattr(PaperPlayer, name, noted(name, getattr(PaperPlayer, name)))
    monkeypatch.setattr("opbench.live.match.watch_bystanders", watch)
    play(0.010, 0.012)
    assert done[:6] == ["open", "ready", "open", "ready", "watch", "block"]


def test_it_ends_at_the_first_look_that_is_clear(play: Play, tmp_path: Path) -> None:
    compared, table = play(0.010, 0.010)
    assert len(compared.pairs) == min(LOOKS)
    # Each pair has its share of the time, and the last turn of it may end later.
    assert table.clock() == pytest.approx(min(LOOKS) * 30 / PAIRS, rel=0.05)
    assert [line for line in lines(tmp_path) if isinstance(line, PairLine)] == [*compared.pairs]


def test_progress_is_told_before_the_first_pair_and_after_each(play: Play) -> None:
    _, table = play(0.010, 0.010)
    assert [step.pairs for step in table.steps] == [*range(min(LOOKS) + 1)]
    assert [step.ratio is None for step in table.steps] == [step.pairs < 2 for step in table.steps]
    used = [step.used for step in table.steps]
    assert used[0] == 0
    assert used == sorted(used)


def test_roles_are_exchanged_over_four_pairs(play: Play) -> None:
    compared, table = play(0.010, 0.010)
    first = [request["cell"]["name"] for request, _ in table.players[0].opened[:4]]
    second = [request["cell"]["name"] for request, _ in table.players[1].opened[:4]]
    assert first == ["base", "new", "base", "new"]
    assert second == ["new", "base", "new", "base"]
    assert [pair.started for pair in compared.pairs[:4]] == ["base", "base", "new", "new"]


def test_each_side_has_its_own_folder(play: Play) -> None:
    _, table = play(0.010, 0.010)
    opened = [each for player in table.players for each in player.opened]
    assert {(request["cell"]["name"], str(folder)) for request, folder in opened} == {
        ("base", "/base"), ("new", "/new"),
    }  # fmt: skip


def test_turns_are_in_random_order_and_both_sides_have_as_many(play: Play) -> None:
    compared, _ = play(0.010, 0.010)
    for pair in compared.pairs:
        rounds = [pair.order[place : place + 2] for place in range(0, len(pair.order), 2)]
        assert set(rounds) == {"bn", "nb"}
        assert len(pair.base_s) == len(pair.new_s) == len(rounds)


def test_it_goes_on_while_it_cannot_tell_and_stops_at_the_end_of_the_time(play: Play) -> None:
    compared, table = play(0.010, 0.010, noise=0.9)
    assert len(compared.pairs) == PAIRS
    assert table.clock() == pytest.approx(30, rel=0.05)


def test_slow_networks_have_fewer_pairs_and_no_pair_starts_without_time_for_it(play: Play) -> None:
    # A pair takes 2 x 0.5 s to start and three rounds of 2 x 1 s: 7 s, of which four fit into 29 s.
    compared, table = play(1.0, 1.0, noise=0.5, max_seconds=29.0, opening_s=0.5)
    assert len(compared.pairs) == 4
    assert all(len(pair.order) == 2 * FEWEST_ROUNDS for pair in compared.pairs)
    assert table.clock() == pytest.approx(28)


def test_a_side_that_fails_is_a_line_with_its_reason(play: Play, tmp_path: Path) -> None:
    compared, _ = play(0.010, "no such module")
    assert compared.failure == SideFailure(comparison=1, side="new", reason="no such module")
    assert compared.failure in lines(tmp_path)


def converted(conversion_s: float, error: float = 0.0) -> Artefact:
    return Artefact(
        artefact="a" * 64,
        precision="float32",
        output_error=error,
        output_limit=1e-4,
        conversion_s=conversion_s,
        artefact_bytes=7,
    )


def test_what_each_side_executes_is_told_once_and_what_it_costs_beside_its_passes(
    play: Play, tmp_path: Path
) -> None:
    def made(asked: Any) -> Artefact:
        return converted({"base": 0.0, "new": 2.5}[asked["name"]], 1e-6)

    compared, _ = play(0.03, 0.03, artefact=made)
    found = [each for each in lines(tmp_path) if isinstance(each, SideArtefact)]
    assert {each.side: each.artefact.conversion_s for each in found} == {"base": 0, "new": 2.5}
    assert {side: each.conversion_s for side, each in compared.artefacts.items()} == {
        "base": 0.0,
        "new": 2.5,
    }
    row = told(compared, "latency_s").to_json()
    assert (row["base_conversion_s"], row["new_conversion_s"]) == (0.0, 2.5)
    assert (row["new_artefact_bytes"], row["new_output_error"]) == (7, 1e-6)
    # Medians of pairs 2 to 6, as the first does not count.
    assert len(compared.pairs) == 6
    assert row["base_start_up_s"] == row["new_start_up_s"] == 4
    assert row["base_memory_bytes"] == 4000


def test_a_side_whose_outputs_differ_has_no_verdict(play: Play, tmp_path: Path) -> None:
    def made(asked: Any) -> Artefact:
        return converted(1.0, {"base": 0.0, "new": 1e-3}[asked["name"]])

    compared, _ = play(0.03, 0.02, artefact=made)
    failure = compared.failure
    assert failure and failure.side == "new" and "differ from those of eager" in failure.reason
    found = told(compared, "latency_s")
    assert (found.verdict, found.ratio) == (Verdict.FAILED, None)
    assert found.costs["new_output_error"] == 1e-3


def test_conversions_come_on_top_of_the_time(play: Play) -> None:
    quick, _ = play(0.03, 0.0301, max_seconds=4.0)
    slow, table = play(
        0.03, 0.0301, max_seconds=4.0, artefact=lambda asked: converted(conversion_s=20.0)
    )
    assert len(slow.pairs) == len(quick.pairs)
    assert table.clock.seconds > 40


def test_an_interrupt_keeps_what_was_taken(play: Play, tmp_path: Path) -> None:
    blocks = 0
    usual = PaperPlayer.block

    def interrupted(self: PaperPlayer, seconds: float) -> Any:
        nonlocal blocks
        blocks += 1
        if blocks == 6:
            raise KeyboardInterrupt
        return usual(self, seconds)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PaperPlayer, "block", interrupted)
        play(0.010, 0.010)
    (pair,) = (line for line in lines(tmp_path) if isinstance(line, PairLine))
    assert len(pair.order) == 5
