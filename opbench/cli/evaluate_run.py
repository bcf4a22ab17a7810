"""Evaluate one network for ``opbench evaluate``, with its progress."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.store import whole
from opbench.cli.evaluate_progress import EvaluationProgress
from opbench.cli.render import note, say, stdout_is_ours

if TYPE_CHECKING:
    from opbench.evaluation.settings import AskedEvaluation


def answered(asked: AskedEvaluation, results: Path, *, resume: bool) -> Evaluation:
    """Answer the images of one network, and join the answers with those of before.

    Raises ``OpbenchError`` for whatever the user can mend.
    """
    from opbench.evaluation.start import prepare

    with stdout_is_ours():
        prepared = prepare(asked, results, resume=resume)
        for sentence in prepared.images.notes:
            note(sentence)
        if prepared.before and not prepared.to_do:
            return prepared.before
        if resume and prepared.before is None:
            say(f"{asked.target.name}: nothing to resume in {results}: starting anew")
        with EvaluationProgress(asked.target.name, prepared.to_do) as progress:
            path = prepared.take(results, progress.watch)
    return whole(path)
