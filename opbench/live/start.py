"""Start live comparisons: find the cells of both sides, and play one match after another.

Nothing is written before everything that the user can fix has been checked.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opbench import __version__
from opbench.errors import BadFileError, BadValueError, OpbenchError
from opbench.files import Appender
from opbench.live.lines import (
    COMPARISON,
    Compared,
    ComparedSide,
    ComparedSides,
    ComparisonHeader,
    Metric,
    SideFailure,
)
from opbench.live.match import LiveMatch, SideFolder, Step
from opbench.live.moved import MovedTargets
from opbench.live.player import Player
from opbench.live.worktree import WorkTree
from opbench.record import Cell
from opbench.registry.hints import PROVIDERS
from opbench.runs.lines import End
from opbench.runs.loop import calibration_of
from opbench.runs.plan import Sweep
from opbench.runs.pool import Workers, done
from opbench.runs.start import prepare
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.settings import Threshold, threshold_for
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions

# Changes up to this do not matter, where nobody says otherwise.
THRESHOLD = Threshold(relative=0.05, seconds=0.0)
MAX_SECONDS = 30.0
# The settings under which one target can be compared with itself, by the names of the options.
VARIED = (*("batch-size", "dtype", "memory-format", "runtime", "threads", "input-size", "pass"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Settings that all comparisons of a command share; ``max_seconds`` is of each.

    ``data``: the path of the images for int8; ``calibrations``: these, by ``calibration_key``.
    """

    max_seconds: float = MAX_SECONDS
    seed: int = 0
    metric: Metric = "latency_s"
    cuda: CudaOptions = field(default_factory=CudaOptions)
    thresholds: Sequence[Threshold] = (THRESHOLD,)
    data: str = ""
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)

    def place(self, side: ComparedSide, place: SideFolder) -> SideFolder:
        """Return the folder of a side with the images that it is calibrated on, if it is."""
        return place._replace(calibration=calibration_of(self.calibrations, side.cell))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A target under one setting of everything, with the files of ``tree`` where that is given."""

    target: str
    sweep: Sweep
    tree: WorkTree | None = None

    @property
    def place(self) -> SideFolder:
        """The folder in which the target is found, and from where to where modules moved."""
        if self.tree is None:
            return SideFolder(Path.cwd())
        return SideFolder(self.tree.at(Path.cwd()), (str(self.tree.root), str(self.tree.tree)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """A match that can be played, or the reason why it cannot.

    ``absent``: because ``base`` did not exist.
    """

    base: ComparedSide
    new: ComparedSide
    places: tuple[SideFolder, SideFolder]
    own_inputs: bool
    reason: str = ""
    absent: bool = False


@dataclass(slots=True)
class Fixtures:
    """Find the cells of contenders; ``environment`` is that in which the first was looked up."""

    workers: Workers
    settings: LiveSettings
    environment: dict[str, Any] = field(default_factory=dict)

    def of(self, base: Contender, new: Contender) -> Fixture:
        """Pair two contenders.  Raises ``OpbenchError`` where one cannot be."""
        sides = [
            ComparedSide(cell=self._one(each, name))
            for each, name in ((base, "BASE"), (new, "NEW"))
        ]
        own_inputs = not new.sweep.input_sizes
        return Fixture(
            base=sides[0], new=sides[1], places=(base.place, new.place), own_inputs=own_inputs
        )

    def against(self, new: Contender, tree: WorkTree, ref: str) -> list[Fixture]:
        """Pair each cell of ``new`` with the same as it was in ``tree``.

        Raises ``BadValueError`` for a target that no commit of this repository holds.
        """
        head, colon, _ = new.target.rpartition(":")
        if not colon or head in PROVIDERS or not _is_inside(head, tree.root):
            raise BadValueError(
                f"{new.target} is not in this repository, so it is the same in every commit: "
                "--against takes package.module:ATTR, or path/file.py:ATTR with the path from the "
                "current folder"
            )
        old = [Contender(target=cell.name, sweep=new.sweep, tree=tree) for cell in self._cells(new)]
        return [self._as_it_was(each, new, ref) for each in old]

    def _as_it_was(self, old: Contender, new: Contender, ref: str) -> Fixture:
        now = self._one(Contender(target=old.target, sweep=new.sweep), "TARGET")
        cell, reason, absent = now, "", False
        try:
            cell = self._one(old, "TARGET")
        except OpbenchError as error:
            absent = self._is_gone(old)
            reason = f"not in {ref}: {error}" if absent else f"at {ref}: {error}"
        return Fixture(
            base=ComparedSide(
                cell=cell, commit=ref, commit_hash=old.tree.commit if old.tree else ""
            ),
            new=ComparedSide(cell=now),
            places=(old.place, new.place),
            own_inputs=not new.sweep.input_sizes,
            reason=reason,
            absent=absent,
        )

    def _is_gone(self, contender: Contender) -> bool:
        """Return whether a file, folder, module or attribute did not exist."""
        folder, moved, _ = contender.place
        if not folder.is_dir():
            return True
        with chdir(folder):
            asked = {"job": "is_gone", "name": contender.target}
            return bool(done(MovedTargets(self.workers, moved).ask(asked))["is_gone"])

    def _one(self, contender: Contender, role: str) -> Cell:
        cells = self._cells(contender)
        if len(cells) != 1:
            raise BadValueError(
                f"{role} is one network under one setting, and {contender.target!r} names "
                f"{len(cells)}: name one"
            )
        return cells[0]

    def _cells(self, contender: Contender) -> Sequence[Cell]:
        folder, moved, _ = contender.place
        if not folder.is_dir():
            raise BadFileError(f"there was no folder {folder.name}")
        with chdir(folder):
            prepared = prepare(
                [contender.target],
                contender.sweep,
                Protocol(seed=self.settings.seed),
                self.settings.cuda,
                MovedTargets(self.workers, moved),
            )
        self.environment = self.environment or prepared.header.environment
        return prepared.state.plan


def _is_inside(head: str, root: Path) -> bool:
    """Return whether a file is named by its path from here and is in the repository."""
    if not head.endswith(".py"):
        return True
    return not Path(head).is_absolute() and Path(head).resolve().is_relative_to(root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tournament:
    """All comparisons of a command, played one after another into one file."""

    fixtures: Sequence[Fixture]
    settings: LiveSettings
    players: tuple[Player, Player]
    writer: Appender
    environment: dict[str, Any]
    watch: Callable[[Step], None] = lambda step: None

    def play(self) -> list[Compared]:
        """Play every match; the file ends with a line that says how."""
        start, reason = time.monotonic(), "stopped by an error"
        self._put(self._header())
        try:
            compared = [self._match(number) for number, _ in enumerate(self.fixtures, start=1)]
            reason = "finished"
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            self._put(End(reason=reason, wall_s=time.monotonic() - start))
        return compared

    def _header(self) -> ComparisonHeader:
        return ComparisonHeader(
            format=COMPARISON.version,
            opbench=__version__,
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            environment=self.environment,
            variables=dict(self.players[0].variables),
            cuda=self.settings.cuda,
            metric=self.settings.metric,
            max_seconds=self.settings.max_seconds,
            seed=self.settings.seed,
            data=self.settings.data,
        )

    def _match(self, number: int) -> Compared:
        fixture, settings = self.fixtures[number - 1], self.settings
        limit = threshold_for(fixture.new.cell.name, settings.thresholds)
        sides = ComparedSides(
            comparison=number,
            base=fixture.base,
            new=fixture.new,
            threshold=limit.relative,
            threshold_s=limit.seconds,
        )
        if fixture.reason:
            failure = SideFailure(
                comparison=number, side="base", reason=fixture.reason, absent=fixture.absent
            )
            self._put(sides)
            self._put(failure)
            return Compared(sides=sides, failure=failure)
        with TemporaryDirectory(prefix="opbench-") as folder:
            return LiveMatch(
                sides=sides,
                places={
                    "base": settings.place(fixture.base, fixture.places[0]),
                    "new": settings.place(fixture.new, fixture.places[1]),
                },
                settings={
                    "cuda": settings.cuda.to_json(),
                    "own_inputs": fixture.own_inputs,
                    "seed": settings.seed,
                    "device_time": settings.metric == "device_s",
                    # Keeps what was made of the networks for the next pair.
                    "folder": folder,
                },
                players=self.players,
                max_seconds=settings.max_seconds,
                writer=self.writer,
                draw=random.Random(f"{settings.seed} {number}"),
                watch=self.watch,
            ).play()

    def _put(self, line: Any) -> None:
        self.writer.append(COMPARISON.encode(line))
