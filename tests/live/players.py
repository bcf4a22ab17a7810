"""Players on paper: sides whose samples a test says, and a clock that only they move."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from opbench.live.player import Ready, SideError, TimedBlock
from opbench.record import Artefact

Json = Mapping[str, Any]
# The seconds of a call of one side, and the reason why it fails instead.
Played = float | str


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class PaperPlayer:
    """Plays sides that take what ``seconds(cell)`` says, give or take ``noise``."""

    def __init__(
        self,
        clock: Clock,
        seconds: Callable[[Json], Played],
        *,
        noise: float = 0.001,
        opening_s: float = 0.3,
        seed: int = 0,
        artefact: Callable[[Json], Artefact | None] = lambda cell: None,
    ) -> None:
        self.clock, self.seconds, self.noise = clock, seconds, noise
        self.opening_s, self.artefact = opening_s, artefact
        self.draw = random.Random(seed)
        self.opened: list[tuple[Json, Path]] = []
        self.open_now = False
        self.variables: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open_now = False

    def open(self, request: Json, folder: Path) -> None:
        self.made = self.artefact(request["cell"]) if request["number"] == 1 else None
        self.clock.seconds += self.opening_s + (self.made.conversion_s if self.made else 0.0)
        self.opened.append((request, folder))
        self.played, self.open_now = self.seconds(request["cell"]), True

    def ready(self) -> Ready:
        if isinstance(self.played, str):
            raise SideError(self.played)
        self.call_s = self.played
        return Ready(
            first_call_s=2 * self.call_s,
            start_up_s=len(self.opened),
            memory_bytes=1000 * len(self.opened),
            artefact=self.made,
        )

    def block(self, seconds: float) -> TimedBlock:
        assert self.open_now
        samples = tuple(self.call_s * self.draw.lognormvariate(0, self.noise) for _ in range(3))
        self.clock.seconds += max(seconds, self.call_s)
        return TimedBlock(samples, 2, 2 * samples[0], ran_s=0.06, waited_s=0.0)

    def close(self) -> None:
        self.open_now = False
