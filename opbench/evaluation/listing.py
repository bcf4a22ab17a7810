"""List evaluations beside the runs and comparisons of a results folder."""

from __future__ import annotations

from pathlib import Path

from opbench.accuracy.measured.lines import EVALUATION, BatchLine, EvaluationHeader, Unanswered
from opbench.accuracy.measured.store import read_evaluation
from opbench.runs.listing import Contents, Kind


def _evaluation(path: Path) -> Contents:
    file = read_evaluation(path)
    answered = {name for line in file.of(BatchLine) for name in line.ids}
    return Contents(
        file=file,
        finished=file.finished,
        label=_label(file.header),
        cells=file.header.images,
        records=len(answered),
        failures=len({line.id for line in file.of(Unanswered)} - answered),
    )


def _label(header: EvaluationHeader) -> str:
    return f"{header.name}, shard {header.shard}" if header.shard else header.name


EVALUATIONS = Kind(format=EVALUATION, read=_evaluation)
