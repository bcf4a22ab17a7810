"""Find the evaluation that another goes on with, and say which images or weights have changed.

Only what is answered in the same way is gone on with: the same weights, protocol, images and labels
on the same device.  The content of an image's file is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import SHARDS, EvaluationHeader
from opbench.accuracy.measured.store import read_evaluations
from opbench.errors import BadValueError, OpbenchError
from opbench.locks import in_use


def evaluation_before(
    header: EvaluationHeader, results: Path, *, resume: bool, resumed: Evaluation | None
) -> Evaluation | None:
    """Return the evaluation that this one goes on with: ``resumed``, the shards, or the newest.

    Of several alike those in batches of the same size come first.  Raises ``BadValueError`` where
    ``resumed`` is of other weights or images, ``OpbenchError`` where it is being written.
    """
    if resumed:
        _require_same(header, resumed)
        found: Evaluation | None = resumed
    else:
        alike = [each for each in read_evaluations(results)[0] if each.header.work == header.work]
        found = _chosen(header, alike, resume=resume)
    if found and resume and not header.shard:
        _require_idle(found)
    return found


def changed_since(header: EvaluationHeader, results: Path) -> str:
    """Say how the newest evaluation of this name with answers missing differs; "" without one."""
    for each in reversed(read_evaluations(results)[0]):
        differing = ", ".join(_differences(header, each.header))
        if each.header.name == header.name and each.missing and differing:
            return f"{_name(each)} has {differing}"
    return ""


def _chosen(
    header: EvaluationHeader, alike: Sequence[Evaluation], *, resume: bool
) -> Evaluation | None:
    if header.group == SHARDS:
        return next((each for each in alike if each.header.group == SHARDS), None)
    if not resume:
        return None
    alike = [each for each in alike if each.header.dataset == header.dataset]
    same = [each for each in alike if each.header.batch_size == header.batch_size]
    return next(reversed([*alike, *same]), None)


def _require_same(header: EvaluationHeader, before: Evaluation) -> None:
    if differing := ", ".join(_differences(header, before.header)):
        raise BadValueError(
            f"{_name(before)} cannot be resumed: it has {differing}: restore what it was made "
            "with, or evaluate anew without --resume"
        )


def _require_idle(before: Evaluation) -> None:
    """Raise ``OpbenchError`` where another process is answering the same images."""
    for path in before.paths:
        if in_use(path):
            raise OpbenchError(f"{path} is being written by another process: wait for it to end")


def _differences(now: EvaluationHeader, before: EvaluationHeader) -> Iterator[str]:
    """Yield what an evaluation before has otherwise: "other weights"."""
    if now.weights_sha256 != before.weights_sha256:
        yield f"other weights ({before.weights})"
    if now.preprocessing.sha256 != before.preprocessing.sha256:
        yield f"another protocol ({before.preprocessing})"
    if now.manifest_sha256 != before.manifest_sha256:
        yield f"other images or labels ({before.images:,} entries, now {now.images:,})"
    for name in ("device", "dtype", "runtime", "compile"):
        if getattr(now, name) != getattr(before, name):
            yield f"{name} {getattr(before, name) or 'none'}"


def _name(evaluation: Evaluation) -> str:
    return evaluation.paths[0].stem if evaluation.paths else evaluation.header.name
