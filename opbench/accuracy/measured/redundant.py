"""Evaluation files of which others have every answer: shards that two machines took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opbench.accuracy.measured.evaluation import Evaluation, ImageAnswer
from opbench.accuracy.measured.store import EvaluationFile, join


def redundant_files(files: Iterable[EvaluationFile]) -> Iterator[EvaluationFile]:
    """Yield the files whose images have the same answers in other files of their evaluation.

    Of several with the same images the first is none of them.  Margins may differ, as they do
    between machines; a file with another answer to an image is not redundant.
    """
    groups: dict[tuple[Any, ...], list[tuple[EvaluationFile, Evaluation]]] = {}
    for file in files:
        groups.setdefault(file.header.key, []).append((file, join([file])[0]))
    for parts in groups.values():
        known: dict[str, ImageAnswer] = {}
        failed: set[str] = set()
        # Files with more images first; the order of others stays.
        for file, evaluation in sorted(parts, key=lambda part: -part[1].images):
            if (
                evaluation.images
                and _all_in(evaluation.answers, known)
                and evaluation.failed.keys() <= failed | known.keys()
            ):
                yield file
            else:
                known = {**evaluation.answers, **known}
                failed |= evaluation.failed.keys()


def _all_in(answers: Mapping[str, ImageAnswer], known: Mapping[str, ImageAnswer]) -> bool:
    return all(
        name in known and (known[name].labels, known[name].top) == (answer.labels, answer.top)
        for name, answer in answers.items()
    )
