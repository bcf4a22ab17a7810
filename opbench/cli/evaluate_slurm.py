"""Have ``opbench evaluate`` answered by Slurm, in shards that write into one results folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import SHARDS, EvaluationHeader
from opbench.accuracy.measured.store import read_evaluations
from opbench.cli.evaluate_report import Findings
from opbench.cli.executor import Distribution
from opbench.cli.executor_watch import Seen, carry_out, say_unfinished
from opbench.cli.render import Format, write

if TYPE_CHECKING:
    from opbench.evaluation.settings import AskedEvaluation


def evaluate_by_slurm(
    work: Distribution, asked: Sequence[AskedEvaluation], results: Path, format: Format
) -> None:
    """Have networks evaluated by Slurm, and write a row for each.

    Exit code 1: an image has no answer, or several, or is still missing.
    """

    def look() -> Seen:
        found = [each for each in _newest(asked, results) if each]
        known = [each.header.images for each in found]
        return Seen(
            things="images",
            total=sum(known) if len(known) == len(asked) else None,
            done=sum(each.images for each in found),
            failed=sum(len(each.failed) for each in found),
        )

    interrupted, reasons = False, []
    try:
        reasons = carry_out(work, look)
    except KeyboardInterrupt:
        interrupted = True
    findings, missing = Findings(), False
    for each, evaluation in zip(asked, _newest(asked, results), strict=True):
        if evaluation:
            findings.add(evaluation)
            missing = missing or evaluation.missing > 0
        elif not interrupted:
            findings.fail(each.target.name, "no shard has answered an image")
    write(findings.render(format))
    findings.say()
    if interrupted:
        raise KeyboardInterrupt
    if missing or (reasons and findings.fails):
        say_unfinished(reasons, "answer the images that are missing")
    if missing or findings.fails:
        raise typer.Exit(1)


def _newest(asked: Sequence[AskedEvaluation], results: Path) -> list[Evaluation | None]:
    """Return the newest evaluation in shards of each that was asked for, None without one."""
    found = [each for each in read_evaluations(results)[0] if each.header.group == SHARDS]
    newest: list[Evaluation | None] = []
    for each in asked:
        of_it = [one for one in found if _is_of(one.header, each)]
        newest.append(max(of_it, key=lambda one: max(one.paths).stem, default=None))
    return newest


def _is_of(header: EvaluationHeader, asked: AskedEvaluation) -> bool:
    """Return whether an evaluation is of what was asked for, as far as words can tell."""
    settings = asked.settings
    return (
        *(header.name, header.data, header.weights_file),
        *(header.device, header.dtype, header.runtime, header.compile),
    ) == (
        *(asked.target.name, str(asked.data), str(asked.weights or "")),
        *(settings.device, settings.dtype, settings.runtime, settings.compile),
    )
