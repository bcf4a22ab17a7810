"""Compare two targets in one call, for tests and programs; nothing is left on disk."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from opbench.live.comparison import LiveComparison, told
from opbench.live.lines import COMPARISON
from opbench.live.player import ForkPlayer, require_forks
from opbench.live.start import Contender, Fixtures, LiveSettings, Tournament
from opbench.runs.pool import ForkServer


def compare_live(base: Contender, new: Contender, settings: LiveSettings) -> LiveComparison:
    """Time both in turns, each in fresh processes.  Raises ``OpbenchError`` where one cannot be."""
    require_forks()
    with ForkPlayer() as one, ForkPlayer() as other, TemporaryDirectory() as folder:
        with ForkServer() as workers:
            finder = Fixtures(workers, settings)
            fixture = finder.of(base, new)
        with COMPARISON.new(Path(folder)) as writer:
            (compared,) = Tournament(
                fixtures=[fixture],
                settings=settings,
                players=(one, other),
                writer=writer,
                environment=finder.environment,
            ).play()
    return told(compared, settings.metric)
