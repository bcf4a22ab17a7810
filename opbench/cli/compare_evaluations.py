"""``opbench compare`` of evaluations: find their files, read and join them, and compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import EVALUATION, EvaluationHeader
from opbench.accuracy.measured.paired import THRESHOLD, compare_evaluations
from opbench.accuracy.measured.store import find_evaluation, read_evaluation, whole
from opbench.cli.paired_report import PairedReport
from opbench.cli.render import say
from opbench.errors import BadValueError
from opbench.runs.lines import RUN
from opbench.runs.store import LATEST


def find_evaluations(names: Sequence[str], results: Path) -> list[Path]:
    """Return the files of the evaluations that are named, none where no name is one's.

    Raises ``BadValueError`` where only some are, and where there is only one.
    """
    found = [_file(name, results) for name in names]
    paths = [path for path in found if path]
    if not paths:
        return []
    listed = f"`opbench runs --results {results}` lists those there are"
    if None in found:
        other = names[found.index(None)]
        raise BadValueError(f"{paths[0]} is an evaluation, and {other!r} is none: {listed}")
    if len(paths) == 1:
        raise BadValueError(f"name two evaluations or more, BASE first; {listed}")
    return paths


def compare_files(
    paths: Sequence[Path], *, threshold: str | None, at_most: str | None, strict: bool
) -> PairedReport:
    """Compare evaluations with the first of them.

    What may be lost does not matter, unless a threshold is given as well.
    """
    most = None if at_most is None else parse_points("--at-most", at_most)
    limit = THRESHOLD if most is None else most
    if threshold is not None:
        limit = parse_points("--threshold", threshold)
    base, *others = map(_read, paths)
    for path, other in zip(paths[1:], others, strict=True):
        if (other.header, other.batches) == (base.header, base.batches):
            say(
                f"warning: {path} is the same evaluation as {paths[0]}; `opbench runs` lists others"
            )
    compared = compare_evaluations(base, others, limit)
    return PairedReport(comparisons=compared, strict=strict, at_most=most)


def parse_points(option: str, text: str) -> float:
    """Read a difference of accuracies, "0.3".  Raises ``BadValueError`` naming the option."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100 or "_" in text:
        raise BadValueError(f"{option} is in points of accuracy, such as 0.3, not {text!r}")
    return value


def _file(name: str, results: Path) -> Path | None:
    """Return the file of an evaluation; None for other files, and where a run has the name."""
    if LATEST.fullmatch(name) or (results / RUN.folder / f"{name}.jsonl").is_file():
        return None
    path = find_evaluation(results, name)
    return path if path and _is_evaluation(path) else None


def _is_evaluation(path: Path) -> bool:
    """Return whether a file is an evaluation: by its folder, or by its first line."""
    if path.parent.name == EVALUATION.folder:
        return True
    try:
        with path.open("rb") as file:
            return isinstance(EVALUATION.decode(file.readline()), EvaluationHeader)
    except (OSError, ValueError):
        return False


def _read(path: Path) -> Evaluation:
    """Read an evaluation with its other parts, and say which lines it misses answers for."""
    evaluation = whole(path)
    if not evaluation.complete:
        for each in evaluation.paths:
            for damage in read_evaluation(each).damages:
                say(f"warning: skipped a damaged line: {damage}")
    return evaluation
