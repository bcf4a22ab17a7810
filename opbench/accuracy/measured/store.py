"""Evaluation files below a results folder, by name, by age, and joined.

Files of one group are parts of one evaluation: shards, and what ``--resume`` filled in after one
that was killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import (
    EVALUATION,
    BatchLine,
    EvaluationEnd,
    EvaluationHeader,
    Unanswered,
)
from opbench.errors import BadFileError
from opbench.files import files_in
from opbench.line_files import Damage, LineFile


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFile(LineFile[EvaluationHeader]):
    """An evaluation's file as read: one shard, or the whole."""

    @property
    def finished(self) -> bool:
        """True when the evaluation came to its end."""
        return any(line.reason == "finished" for line in self.of(EvaluationEnd))


def read_evaluation(path: Path) -> EvaluationFile:
    """Read one file.  Raises ``BadFileError`` when it is missing or its header is damaged."""
    return EvaluationFile.read(path, EVALUATION)


def evaluation_files(results: Path) -> list[Path]:
    """Return the evaluation files below a results folder, oldest first, empty ones passed over.

    Raises ``BadFileError`` where the folder cannot be read.
    """
    files = sorted(files_in(results / EVALUATION.folder, ".jsonl"), key=lambda path: path.stem)
    return [path for path in files if not path.exists() or path.stat().st_size]


def find_evaluation(results: Path, name: str) -> Path | None:
    """Return the evaluation\'s file called ``name``: a name below ``results``, or a path."""
    return EVALUATION.find(results, name)


def read_evaluations(results: Path) -> tuple[list[Evaluation], tuple[Damage, ...]]:
    """Read and join every evaluation below a results folder, oldest first, with what is damaged."""
    files: list[EvaluationFile] = []
    damages: list[Damage] = []
    for path in evaluation_files(results):
        try:
            files.append(read_evaluation(path))
            damages += files[-1].damages
        except BadFileError as error:
            reason = str(error).partition(": ")[2]
            damages.append(Damage(path=path, line=1, reason=f"the evaluation is skipped: {reason}"))
    return join(files), tuple(damages)


def join(files: Iterable[EvaluationFile]) -> list[Evaluation]:
    """Return the evaluations that files are parts of, in the order of their first files."""
    groups: dict[tuple[Any, ...], list[EvaluationFile]] = {}
    for file in files:
        groups.setdefault(file.header.key, []).append(file)
    return [
        Evaluation(
            header=_shared(parts),
            paths=tuple(file.path for file in parts),
            batches=tuple(line for file in parts for line in file.of(BatchLine)),
            unanswered=tuple(line for file in parts for line in file.of(Unanswered)),
        )
        for parts in groups.values()
    ]


def _shared(parts: Sequence[EvaluationFile]) -> EvaluationHeader:
    """Return the header of the first file, without the artefact where others had another one."""
    first, *others = (each.header for each in parts)
    same = all(each.artefact_id == first.artefact_id for each in others)
    return first if same else replace(first, artefact=None)


def whole(path: Path) -> Evaluation:
    """Return the evaluation that a file is a part of, with its other parts beside it.

    Raises ``BadFileError`` when the file is missing or its header is damaged.
    """
    asked = read_evaluation(path)
    others = []
    for each in files_in(path.parent, ".jsonl"):
        if each != path:
            try:
                others.append(read_evaluation(each))
            except BadFileError:  # it is another evaluation's
                continue
    parts = [file for file in (asked, *others) if file.header.key == asked.header.key]
    (joined,) = join(sorted(parts, key=lambda file: file.path.stem))
    return joined
