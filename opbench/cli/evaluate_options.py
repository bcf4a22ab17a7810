"""The words of ``opbench evaluate``: protocol, and an evaluation to resume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import EVALUATION
from opbench.accuracy.measured.store import find_evaluation, read_evaluations, whole
from opbench.cli.options import words
from opbench.errors import BadFileError, BadValueError, OpbenchError
from opbench.spec import Shape

if TYPE_CHECKING:
    from opbench.evaluation.protocols import ProtocolOptions
    from opbench.evaluation.settings import AskedEvaluation

NONE = "none"
# What may stand beside --resume without a target; the rest is as it was.
_CHANGED = {"workers", "batch_size"}
_OF_RESUMING = {"targets", "resume", "results", "format", *_CHANGED}


def parse_protocol(
    resize: str | None,
    crop: str | None,
    interpolation: str | None,
    antialias: bool | None,
    mean: str | None,
    std: str | None,
    decoder: str | None,
) -> ProtocolOptions:
    """Read the options of a protocol; None is one that was not given.  Raises ``BadValueError``."""
    from opbench.evaluation.protocols import ProtocolOptions

    return ProtocolOptions(
        resize=_extents("--resize", resize),
        crop=_square(_extents("--crop", crop)),
        interpolation=interpolation,
        antialias=antialias,
        mean=_numbers("--mean", mean),
        std=_numbers("--std", std),
        decoder=decoder,
    )


def asked_before(
    context: typer.Context, results: Path, name: str | None
) -> tuple[AskedEvaluation, Path]:
    """Return what an evaluation asked for, to resume it, and the results folder that it is in.

    It is the one called ``name``, or the newest with images missing, else with images that failed.
    Raises ``BadValueError`` for options that it has already, ``BadFileError`` where there is none.
    """
    sources = {name: context.get_parameter_source(name) for name in context.params}
    # By name: typer does not export the sources.
    given = {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    if extra := [
        each.opts[0] for each in context.command.params if each.name in given - _OF_RESUMING
    ]:
        raise BadValueError(
            f"--resume without --data keeps the evaluation's settings: remove {', '.join(extra)}"
        )
    found, folder = _named(results, name) if name else (_newest(results), results)
    changes = {key: context.params[key] for key in _CHANGED & given}
    return _again(found, changes), folder


def _named(results: Path, name: str) -> tuple[Evaluation, Path]:
    path = find_evaluation(results, name)
    if path is None:
        raise BadFileError(
            f"there is no evaluation {name!r} in {results}: `opbench runs --results {results}` "
            "lists them; to evaluate a network, name its images with --data"
        )
    # What is missing goes into a file beside it.
    folder = path.parent if path.parent.name else path.absolute().parent
    if folder.name != EVALUATION.folder:
        raise BadFileError(
            f"{path} is in no results folder: put it into {results / EVALUATION.folder} to resume "
            "it there"
        )
    return whole(path), folder.parent


def _newest(results: Path) -> Evaluation:
    evaluations, _ = read_evaluations(results)
    newest = [*reversed(evaluations)]
    for each in [*(each for each in newest if each.missing), *newest]:
        if each.missing or each.failed:
            return each
    what = "every evaluation is complete" if evaluations else "there is no evaluation"
    raise BadFileError(f"{results} has nothing to resume: {what} there")


def _again(evaluation: Evaluation, changes: Mapping[str, Any]) -> AskedEvaluation:
    from opbench.evaluation.protocols import ProtocolOptions
    from opbench.evaluation.settings import AskedEvaluation, EvaluationSettings
    from opbench.registry.targets import resolve

    header = evaluation.header
    targets = resolve([header.name])
    if len(targets) != 1:
        raise OpbenchError(f"{header.name} names {len(targets)} networks: name one")
    return AskedEvaluation(
        target=targets[0],
        data=Path(header.data),
        classes=Path(header.classes) if header.classes else None,
        labels=Path(header.labels) if header.labels else None,
        dataset=header.dataset,
        weights=Path(header.weights_file) if header.weights_file else None,
        options=ProtocolOptions.of(header.preprocessing),
        source=header.preprocessing.source,
        resumed=evaluation,
        settings=replace(
            EvaluationSettings(
                device=header.device,
                dtype=header.dtype,
                runtime=header.runtime,
                compile=header.compile,
                threads=header.threads,
                batch_size=header.batch_size,
                workers=header.workers,
                limit=header.limit,
                seed=header.seed,
            ),
            **changes,
        ),
    )


def _extents(option: str, text: str | None) -> Shape | None:
    """Read "256" or "256x320"; "none" is a shape without extents."""
    if text is None:
        return None
    if text.strip().lower() == NONE:
        return Shape()
    try:
        found = Shape.parse(text.strip())
    except ValueError:
        found = Shape()
    if not 1 <= len(found) <= 2 or max(found) > 16384:
        raise BadValueError(
            f"{option} must be pixels, such as 256 or 256x320, up to 16384, or none; not {text!r}"
        )
    return found


def _square(size: Shape | None) -> Shape | None:
    return Shape(size * 2) if size and len(size) == 1 else size


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    if text.strip().lower() == NONE:
        return ()
    try:
        found = tuple(map(float, words(text)))
    except ValueError:
        found = ()
    if len(found) not in (1, 3) or not all(map(math.isfinite, found)):
        raise BadValueError(
            f"{option} must be one number for each channel, such as 0.485,0.456,0.406, or none; "
            f"not {text!r}"
        )
    return found
