"""The shards of ``opbench run``: one that continues, and all of them by Slurm."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from opbench.cli.executor import Distribution
from opbench.cli.render import Format, note, plural, say, write

if TYPE_CHECKING:
    from opbench.runs.pool import Workers
    from opbench.runs.start import Prepared
    from opbench.runs.store import RunFile

_NAMED = 5


def continued(
    prepared: Prepared, results: Path, workers: Workers
) -> tuple[RunFile | None, Prepared]:
    """Return the file that a shard continues in, None for a new one, and what is left to measure.

    Ends the command where nothing is.
    """
    from opbench.runs.remaining import continue_shard

    old, left = continue_shard(prepared, results, workers)
    if left is None:
        say("nothing is left of this shard to measure")
        raise typer.Exit
    done = len(prepared.state.plan) - len(left.state.missing)
    if old or done:
        told = f"{plural(len(left.state.missing), 'cell')} left, {done} measured before"
        say(f"continuing {old.path.stem if old else 'in a new file'}: {told}")
    return old, left


def run_by_slurm(work: Distribution, prepared: Prepared, results: Path, format: Format) -> None:
    """Have a plan measured by Slurm, and write the rows of all cells.

    Exit code 1: some failed, or a shard ended before it had measured all of its cells.
    """
    from opbench.cli.executor_watch import Seen, carry_out, say_unfinished
    from opbench.cli.run_report import render_rows, render_stages
    from opbench.runs.lines import Header
    from opbench.runs.parts import cells_of
    from opbench.runs.remaining import PlanFiles, begun, left_of, state_of

    header = prepared.header
    assert isinstance(header, Header)
    files = PlanFiles(results, header.plan_id)

    def look() -> Seen:
        runs = files.look()
        state = state_of(header, runs)
        return Seen(
            things="cells",
            total=len(state.plan),
            done=len(state.records),
            begun=begun(state, runs),
            failed=len(state.failures),
        )

    interrupted, reasons = False, []
    left = {*left_of(header.plan, files.look())}
    parts = [{*cells_of(shard, header.plan)} for shard in work.shards]
    if left:
        try:
            reasons = carry_out(work, look, [bool(left & part) for part in parts])
        except KeyboardInterrupt:
            interrupted = True
    else:
        say(f"every cell of this plan is in {results}: to measure it again, choose other --results")
    state = state_of(header, files.look())
    write((render_stages if header.stages else render_rows)(state, format))
    _say_unequal(files.look())
    missing = len(state.missing)
    told = f"{len(state.records)} measured, {len(state.failures)} failed"
    note(f"{told}{f', {missing} not finished' if missing else ''}: {results}")
    if interrupted:
        raise KeyboardInterrupt
    if missing:
        say_unfinished(reasons, "measure what is left")
    if missing or state.failures:
        raise typer.Exit(1)


def _say_unequal(runs: Iterable[RunFile]) -> None:
    """Say by which facts the nodes differ, whose times do not compare."""
    from opbench.runs.environment import unequal_facts

    first, *others = [run.header.environment for run in runs] or [{}]
    differing = sorted({name for each in others for name in unequal_facts(first, each)})
    if differing:
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        say(
            f"warning: the nodes are not equal, by {', '.join(differing[:_NAMED])}{more}: times of "
            "one do not compare with those of another; `opbench compare` asks for --across"
        )
