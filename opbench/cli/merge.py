"""``opbench merge``: shards and other machines' files into one results folder."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import EVALUATION
from opbench.accuracy.measured.redundant import redundant_files
from opbench.accuracy.measured.store import join, read_evaluation
from opbench.cli.columns import Column, integer
from opbench.cli.options import OutputFormat, Results, results_folder
from opbench.cli.render import Format, note, plural, render, say, write
from opbench.live.lines import COMPARISON
from opbench.merging.folder import Change, plan_merge
from opbench.runs.lines import RUN
from opbench.runs.parts import JoinedPlan, join_plans, plan_of, read_part

if TYPE_CHECKING:
    from opbench.merging.copies import Copy
    from opbench.merging.folder import Merge

_FORMATS = (RUN, COMPARISON, EVALUATION)
_NAMED = 5
_COLUMNS = (
    Column(key="name", title="name", keep=True),
    Column(key="kind", title="kind"),
    Column(key="change", title="change"),
    Column(key="host", title="host"),
    Column(key="bytes", title="bytes", show=integer, right=True),
    Column(key="sha256", title="sha256", show=lambda value: str(value)[:8]),
    Column(key="path", title="from"),
    Column(key="problem", title="", note=True),
)


def merge(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH", help="A results folder, a folder of .jsonl files, or one such file."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")
    ] = False,
    results: Results = None,
    format: OutputFormat = Format.table,
) -> None:
    """Merge shards and other machines' files into one results folder, each once.

    Runs, comparisons and evaluations are copied as they are, so that their hashes stay; the order
    of PATHs, and merging again, make no difference. A longer copy of a file replaces a shorter one;
    two copies that went on apart are both kept, with a part of their hash in the name. A cell that
    was measured twice on equal machines has two records, of which tables show the latest, and two
    rows where the machines differ. An evaluation's file whose images have the same answers in
    others is left out, or removed where it is there. Cells that no file has measured are named.

    Exit code 1: a file cannot be read, and is left out.

    Examples:
        opbench merge laptop/results desktop/results --results results
        opbench merge shard-1 shard-2 shard-3 --results results --dry-run
    """
    folder = results_folder(results)
    merging = plan_merge(paths, folder, _FORMATS, _redundant)
    rows = list(merging.rows())
    for copy in merging.changed:
        for damage in copy.damages:
            say(f"warning: a damaged line is kept, and read by nothing: {damage}")
    plans, evaluations = _plans(merging), _evaluations(merging)
    if not dry_run:
        merging.write()
    write(render([each.to_json() for each in rows], format, _COLUMNS))
    for plan in plans:
        _say_missing(plan, folder)
    for evaluation in evaluations:
        _say_unanswered(evaluation)
    counts = Counter(each.change for each in rows)
    told = ", ".join(f"{counts[each]} {each}" for each in Change if counts[each])
    would = "; nothing was changed" if dry_run else ""
    note(f"{plural(len(rows), 'file')}, {told}: {folder}{would}")
    if any(copy.problem for copy in merging.given):
        raise typer.Exit(1)


def _redundant(copies: Sequence[Copy]) -> Collection[Copy]:
    """Return the copies of evaluations of which others have every answer."""
    evaluations = [copy for copy in copies if copy.format is EVALUATION]
    files = {copy.path: copy for copy in sorted(evaluations, key=lambda copy: copy.sha256)}
    return [files[each.path] for each in redundant_files(map(read_evaluation, files))]


def _plans(merging: Merge) -> list[JoinedPlan]:
    """Return the plans that the merged runs are parts of, as they are to be in the folder."""
    runs = [version for version in merging.versions if version.copy.format is RUN]
    given = set(merging.given)
    read = [
        (version, replace(read_part(version.copy.path), path=merging.results / version.place))
        for version in runs
    ]
    touched = {plan_of(run) for version, run in read if given.intersection(version.copies)}
    return join_plans([run for _, run in read if plan_of(run) in touched])


def _evaluations(merging: Merge) -> list[Evaluation]:
    """Return the evaluations that the merged files are parts of."""
    kept = [version for version in merging.versions if version.copy.format is EVALUATION]
    given = set(merging.given)
    read = [(version, read_evaluation(version.copy.path)) for version in kept]
    touched = {file.header.key for version, file in read if given.intersection(version.copies)}
    return join([file for _, file in read if file.header.key in touched])


def _say_unanswered(evaluation: Evaluation) -> None:
    """Say of how many images an evaluation has no answer, or several that differ."""
    name, all_ = evaluation.header.name, f"{evaluation.header.images:,}"
    if evaluation.missing:
        say(f"{name}: {evaluation.missing:,} of {all_} images are missing: merge the other shards")
    if evaluation.twice:
        say(
            f"{name}: {plural(len(evaluation.twice), 'image')} answered twice, in files whose "
            "answers differ: delete one of them with `opbench runs --delete`"
        )


def _say_missing(plan: JoinedPlan, folder: Path) -> None:
    """Name the cells of a plan that no file has measured, and how to measure them."""
    missing = plan.missing
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        lacking = [run.path.stem for run in plan.runs if {*missing} & {*run.header.plan}]
        others = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        say(
            f"{len(missing)} of {plural(plan.planned, 'cell')} of {plan.runs[0].name} are missing: "
            f"{', '.join(map(str, missing[:_NAMED]))}{more}: measure them on any machine with "
            + " and ".join(
                f"`{shlex.join(['opbench', 'run', '--resume', each, '--results', str(folder)])}`"
                for each in lacking[:_NAMED]
            )
            + others
        )
    if absent := [*islice(plan.absent(), _NAMED + 1)]:
        named = ", ".join(map(str, absent[:_NAMED]))
        more = " and more" if len(absent) > _NAMED else ""
        say(
            f"of the plan of {plan.runs[0].name} {plan.planned - len(plan.known)} of "
            f"{plural(plan.planned, 'cell')} are in shards that have no file, {named}{more}: start "
            "them as the others were"
        )
