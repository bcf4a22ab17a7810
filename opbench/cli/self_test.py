"""``opbench compare --self-test``: time the same targets again and again, and show false alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opbench.cli.cells import cell_columns
from opbench.cli.columns import Column
from opbench.cli.options import choose_workers
from opbench.cli.render import Format, note, plural, render
from opbench.cli.run_progress import take
from opbench.errors import BadValueError
from opbench.runs.self_test import (
    RUNS,
    TARGETS,
    SelfTest,
    ambiguous,
    false_alarms,
    time_once,
    with_ratio,
)
from opbench.runs.store import RunFile
from opbench.runs.verdict import change
from opbench.settings import Threshold

_COLUMNS = (
    Column(key="comparisons", title="comparisons", right=True),
    Column(key="alarms", title="false alarms", right=True),
    Column(key="ambiguous", title="ambiguous", right=True),
    Column(key="largest", title="largest change", show=lambda part: change(1 + part), right=True),
)


def self_test(
    targets: Sequence[str], thresholds: Sequence[Threshold], format: str
) -> SelfTestReport:
    """Time ``targets``, or a dozen small networks, and compare every two of the runs."""
    if format not in list(Format):
        raise BadValueError(f"--self-test prints table, json, csv or markdown, not {format}")
    runs = list(timed(targets or TARGETS))
    return SelfTestReport(test=SelfTest.of(runs, thresholds))


def timed(targets: Sequence[str]) -> Iterator[RunFile]:
    """Time the same targets in several runs, each in fresh processes."""
    for number in range(1, RUNS + 1):
        note(f"run {number} of {RUNS}")
        with choose_workers() as workers:
            yield time_once(targets, workers, take)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestReport:
    """The false alarms of a machine, for people and for machines."""

    test: SelfTest

    @property
    def fails(self) -> bool:
        """Return whether the exit code is 1."""
        return self.test.fails

    @property
    def summary(self) -> str:
        """State the rate of false alarms, and its upper bound."""
        every, alarms = with_ratio(self.test.every), false_alarms(self.test.every)
        found = (
            f"{plural(len(alarms), 'false alarm')} in {len(every)} comparisons of a network "
            "with itself"
        )
        if not every:
            return found
        rate = f"{len(alarms) / len(every):.1%}"
        quiet = f"; none with --threshold {self.test.quiet_threshold:.0%}" if alarms else ""
        return f"{found} ({rate}); {self._independent}{quiet}; {ambiguous(every)} ambiguous"

    @property
    def _independent(self) -> str:
        independent = with_ratio(self.test.independent)
        independent_alarms = false_alarms(self.test.independent)
        return (
            f"{len(independent_alarms)} in the {len(independent)} that share no run: a rate of at "
            f"most {self.test.bound:.0%}, with 95 % confidence"
        )

    def render(self, format: str) -> str:
        """Render a row for each cell."""
        rows = self.test.rows()
        vary, same = cell_columns(rows)
        return render(rows, Format(format), [*vary, *_COLUMNS, *same])
