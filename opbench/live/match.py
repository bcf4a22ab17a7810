"""Play a match: pairs of fresh processes that take turns, until the verdict is clear.

Each pair is new, and roles are exchanged: which server forks which side, and whose process starts
first.  They are built one after the other: two GoogLeNets at the same time on two cores took ten
times as long, because the threads of each spin while they wait for those of the other.
Blocks of calls are taken in rounds, one turn of each side in random order.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from opbench.files import Appender
from opbench.intervals import Interval
from opbench.live.lines import (
    COMPARISON,
    SIDES,
    Compared,
    ComparedSides,
    PairLine,
    SideArtefact,
    SideFailure,
    SideName,
)
from opbench.live.player import Player, Ready, SideError, TimedBlock
from opbench.live.verdict import LOOKS, PAIRS, clock_of, is_clear, median_s, ratio_of
from opbench.record import Artefact
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.timing.bystanders import watch_bystanders
from opbench.value import Value

T = TypeVar("T")

# Of a slow network more pairs tell more than more rounds; but a median of two is that of none.
FEWEST_ROUNDS = 3
# Seconds of a turn, short against the moods of a machine.
TURN_S = 0.03


class SideFolder(NamedTuple):
    """The folder in which a side's target is found, and from where to where modules moved;
    ``calibration`` are images for int8."""

    folder: Path
    moved: tuple[str, ...] = ()
    calibration: Calibration | None = None


class Step(NamedTuple):
    """The progress of a comparison: pairs so far, the interval, and the part of the time used."""

    sides: ComparedSides
    pairs: int
    ratio: Interval | None
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMatch:
    """One comparison in progress.

    ``settings`` go to both sides with each request; ``players`` exchange roles; ``now`` is a clock;
    ``artefacts`` are what the sides told of themselves so far.
    """

    sides: ComparedSides
    places: Mapping[SideName, SideFolder]
    settings: Mapping[str, Any]
    players: tuple[Player, Player]
    max_seconds: float
    writer: Appender
    draw: random.Random
    watch: Callable[[Step], None] = lambda step: None
    now: Callable[[], float] = time.monotonic
    artefacts: dict[SideName, Artefact] = field(default_factory=dict)

    def play(self) -> Compared:
        """Compare until the verdict is clear, the time is up, or a side fails."""
        self.put(self.sides)
        pairs: list[PairLine] = []
        try:
            for pair in self._each_pair():
                pairs.append(pair)
                if len(pairs) in LOOKS and self._clear(pairs):
                    break
        except _SideFailedError as error:
            self.put(error.failure)
            return self._compared(pairs, error.failure)
        return self._compared(pairs)

    def _compared(self, pairs: list[PairLine], failure: SideFailure | None = None) -> Compared:
        return Compared(
            sides=self.sides, pairs=tuple(pairs), failure=failure, artefacts=self.artefacts
        )

    def _clear(self, pairs: list[PairLine]) -> bool:
        clock = clock_of(pairs)
        limit = self.sides.limit.of(median_s(pairs, "base", clock))
        return is_clear(ratio_of(pairs, clock), limit)

    def _each_pair(self) -> Iterator[PairLine]:
        """Yield pairs, each with its share of the time, as long as there is time for another.

        Converting networks comes on top.
        """
        pairs: list[PairLine] = []
        start = self.now()
        end = start + self.max_seconds
        self._tell(pairs, start)
        for number in range(1, PAIRS + 1):
            began = self.now()
            pair = _Pair(self, number, share_s=(end - began) / (PAIRS - number + 1))
            pairs.append(pair.play())
            end += pair.converting_s
            self._tell(pairs, start)
            yield pairs[-1]
            if self.now() + pair.shortest_s > end:
                return

    def _tell(self, pairs: list[PairLine], start: float) -> None:
        used = min(1.0, (self.now() - start) / self.max_seconds)
        self.watch(Step(self.sides, len(pairs), ratio_of(pairs, clock_of(pairs)), used))

    def put(self, line: Value) -> None:
        """Write a line to the comparison's file."""
        self.writer.append(COMPARISON.encode(line))


class _SideFailedError(Exception):
    """A side failed; ``failure`` is its line."""

    def __init__(self, failure: SideFailure) -> None:
        super().__init__()
        self.failure = failure


class _Pair:
    """One pair of processes: started, timed in turns until the time is up, and ended."""

    def __init__(self, match: LiveMatch, number: int, share_s: float) -> None:
        self._match, self._number, self._share_s = match, number, share_s
        # Over four pairs every server forks both sides, each started first and second.
        exchanged, late = number % 2 == 0, (number - 1) // 2 % 2 == 1
        players = match.players[::-1] if exchanged else match.players
        self._players = dict(zip(SIDES, players, strict=True))
        self._starts: tuple[SideName, ...] = SIDES[::-1] if late else SIDES
        self._ready: dict[SideName, Ready] = {}
        self._turns: list[tuple[SideName, TimedBlock]] = []
        self.shortest_s = self.converting_s = 0.0

    def play(self) -> PairLine:
        """Time the pair; what was taken is written when it is interrupted, too."""
        began = self._match.now()
        # One after the other: threads of both at once would wait for each other, spinning.
        for side in self._starts:
            self._asked(side, self._open)
            self._ready[side] = self._asked(side, self._get_ready)
        self.converting_s = sum(
            artefact.conversion_s for artefact in self._match.artefacts.values()
        ) * (self._number == 1)
        # Only now: what others do while the sides are built disturbs no turn.
        opened, busy = self._match.now(), watch_bystanders()
        try:
            rounds = self._rounds(until=began + self.converting_s + self._share_s)
        finally:
            line = self._line(*busy())
            if line.order:
                self._match.put(line)
        per_round = (self._match.now() - opened) / rounds
        building_s = opened - began - self.converting_s
        self.shortest_s = building_s + FEWEST_ROUNDS * per_round
        for player in self._players.values():
            player.close()
        return line

    def _get_ready(self, side: SideName) -> Ready:
        ready = self._players[side].ready()
        if ready.artefact:
            comparison = self._match.sides.comparison
            self._match.artefacts[side] = ready.artefact
            self._match.put(SideArtefact(comparison=comparison, side=side, artefact=ready.artefact))
            if differs := ready.artefact.differs:
                raise SideError(differs)
        return ready

    def _rounds(self, until: float) -> int:
        """Take turns; returns the number of rounds."""
        for number in count(1):
            order = list(SIDES)
            self._match.draw.shuffle(order)
            for side in order:
                self._turns.append((side, self._asked(side, self._block)))
            if number >= FEWEST_ROUNDS and self._match.now() >= until:
                return number
        raise AssertionError("numbers never end")

    def _asked(self, side: SideName, ask: Callable[[SideName], T]) -> T:
        try:
            return ask(side)
        except SideError as error:
            comparison = self._match.sides.comparison
            failure = SideFailure(comparison=comparison, side=side, reason=str(error))
            raise _SideFailedError(failure) from None

    def _open(self, side: SideName) -> None:
        compared, place = getattr(self._match.sides, side), self._match.places[side]
        request = {
            **self._match.settings,
            "cell": compared.cell.to_json(),
            "moved": place.moved,
            "number": self._number,
            "calibration": place.calibration.to_json() if place.calibration else None,
        }
        if folder := self._match.settings.get("folder"):
            request["folder"] = str(Path(folder) / side)
        self._players[side].open(request, place.folder)

    def _block(self, side: SideName) -> TimedBlock:
        return self._players[side].block(TURN_S)

    def _line(self, others: float | None, stolen: float | None) -> PairLine:
        base, new = ([turn for name, turn in self._turns if name == side] for side in SIDES)
        none = Ready(first_call_s=0.0)
        one, other = (self._ready.get(side, none) for side in SIDES)
        ran_s = math.fsum(turn.ran_s for _, turn in self._turns)
        line = PairLine(
            comparison=self._match.sides.comparison,
            number=self._number,
            started=self._starts[0],
            order="".join(side[0] for side, _ in self._turns),
            base_s=tuple(turn.samples_s for turn in base),
            new_s=tuple(turn.samples_s for turn in new),
            base_calls=base[0].calls if base else 1,
            new_calls=new[0].calls if new else 1,
            base_first_call_s=one.first_call_s,
            new_first_call_s=other.first_call_s,
            base_start_up_s=one.start_up_s,
            new_start_up_s=other.start_up_s,
            base_memory_bytes=one.memory_bytes,
            new_memory_bytes=other.memory_bytes,
            others_cores=others,
            stolen_cores=stolen,
        )
        waited_s = math.fsum(turn.waited_s for _, turn in self._turns)
        known = min((turn.processor_s for _, turn in self._turns), default=0.0) > 0 < ran_s
        if not (known and self._match.sides.alike and waited_s >= 0):
            return line
        return replace(
            line,
            base_processor_s=tuple(turn.processor_s for turn in base),
            new_processor_s=tuple(turn.processor_s for turn in new),
            running=ran_s / (ran_s + waited_s),
        )
