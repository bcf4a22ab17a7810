"""Evaluate one network for ``opbench evaluate``, with its progress."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.store import whole
from opbench.cli.evaluate_progress import EvaluationProgress
from opbench.cli.render import note, plural, say, stdout_is_ours
from opbench.errors import OpbenchError

if TYPE_CHECKING:
    from opbench.evaluation.settings import AskedEvaluation


def answered(
    asked: AskedEvaluation, results: Path, *, resume: bool, announced: bool = True
) -> Evaluation:
    """Answer the images of one network, and join the answers with those of before.

    announced: say so where there is nothing to resume.
    Raises ``OpbenchError`` for whatever the user can mend.
    """
    from opbench.evaluation.start import prepare

    name = asked.target.name
    with stdout_is_ours(), TemporaryDirectory(prefix="opbench-") as folder:
        prepared = prepare(asked, results, Path(folder), resume=resume)
        if resume and announced and prepared.before is None:
            why = f" ({prepared.changed})" if prepared.changed else ""
            say(f"{name}: nothing to resume in {results}{why}: starting anew")
        for sentence in prepared.images.notes:
            note(sentence)
        if prepared.before and not prepared.to_do:
            return prepared.before
        with EvaluationProgress(name, prepared.to_do) as progress:
            try:
                path = prepared.take(results, progress.watch)
            except (OpbenchError, KeyboardInterrupt):
                _say_kept(name, progress.answered, results)
                raise
    return whole(path)


def _say_kept(name: str, answered: int, results: Path) -> None:
    """Say that the answers of an evaluation that is stopped are kept."""
    if answered:
        say(
            f"{name}: {plural(answered, 'answer')} on file: continue with "
            f"`opbench evaluate --resume --results {results}`"
        )
