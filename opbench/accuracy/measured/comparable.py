"""Refuse evaluations that cannot be compared image by image, saying which differs and what to do.

Two can be compared when each answered every image once, and both the same images with the same
labels.  Network, weights, protocol, data type, runtime and device may differ: these are what is
compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.errors import BadValueError
from opbench.escapes import printable

_NAMED = 3


def require_comparable(base: Evaluation, new: Evaluation) -> None:
    """Raise ``BadValueError`` unless both answered the same images, each once."""
    for each in (base, new):
        _require_whole(each)
    first, second = _labels(base), _labels(new)
    if first.keys() != second.keys():
        raise BadValueError(
            f"the evaluations are of different images: {_alone(base, new)}; {_alone(new, base)}: "
            f"{_remedy(base, new)}"
        )
    different = [name for name, labels in first.items() if second[name] != labels]
    if different:
        one, other = (_numbers(each[different[0]]) for each in (first, second))
        raise BadValueError(
            f"{_images(len(different))} other labels in {called(new)} than in {called(base)}, "
            f"such as {printable(different[0])}, {other} instead of {one}: evaluate both with the "
            "same --data and --labels"
        )
    if base.header.manifest_sha256 != new.header.manifest_sha256:
        raise BadValueError(
            f"{called(base)} and {called(new)} are of different sets of images, "
            f"{base.header.images:,} and {new.header.images:,} entries, although the images that "
            "both answered are the same: evaluate both with the same --data and --labels"
        )


def called(evaluation: Evaluation) -> str:
    """Name an evaluation by its first file, by its network where it has none."""
    return str(evaluation.paths[0]) if evaluation.paths else evaluation.header.name


def _require_whole(evaluation: Evaluation) -> None:
    """Raise ``BadValueError`` where images were left out or answered twice, or there are none."""
    name = called(evaluation)
    if evaluation.missing:
        raise BadValueError(
            f"{name}: {evaluation.missing:,} of {evaluation.header.images:,} images have no "
            f"answer yet: continue with `opbench evaluate --resume {name}`, or put the files of "
            "the other shards beside it"
        )
    if evaluation.twice:
        files = ", ".join(map(str, evaluation.paths)) or name
        raise BadValueError(
            f"{_images(len(evaluation.twice))} two answers or more, such as "
            f"{printable(evaluation.twice[0])}: remove one of the files, or evaluate anew ({files})"
        )
    if not evaluation.images:
        raise BadValueError(f"{name}: no image has an answer: evaluate anew")


def _labels(evaluation: Evaluation) -> Mapping[str, Sequence[int]]:
    return {name: sorted(answer.labels) for name, answer in evaluation.answers.items()}


def _alone(evaluation: Evaluation, other: Evaluation) -> str:
    """Name the images that only one of them answered."""
    names = [name for name in evaluation.answers if name not in other.answers]
    if not names:
        return f"{called(evaluation)} has none of its own"
    more = len(names) - _NAMED
    told = ", ".join(map(printable, names[:_NAMED])) + (f" and {more:,} more" if more > 0 else "")
    failed = [other.failed[name] for name in names if name in other.failed]
    why = f" (of the other: {printable(failed[0])})" if failed else ""
    return f"{called(evaluation)} alone has {told}{why}"


def _remedy(base: Evaluation, new: Evaluation) -> str:
    if base.header.manifest_sha256 == new.header.manifest_sha256:
        return "repair these images and evaluate anew"
    return "evaluate both with the same --data, --limit and --labels"


def _numbers(labels: Sequence[int]) -> str:
    return " and ".join(map(str, labels)) or "none"


def _images(number: int) -> str:
    return f"{number:,} images have" if number != 1 else "1 image has"
