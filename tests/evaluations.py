"""Made-up evaluations: a character per image says whether the network was right.

    write_evaluation(results, "a", "1101")                   a file, finished
    write_evaluation(results, "a", "11..", shard="1/2")      a shard: it has the first two images
    write_evaluation(results, "a", "11..", end=None)         a file of a process that was killed
    evaluation("a", "1101", dtype="float16")                 the same in memory

    1  right            0  wrong, the right class second
    x  wrong, the right class not among the five best
    -  no answer, with a reason                            .  of the data, but not in this file

Image i is ``image_id(i)`` and of class ``i % outputs``.  The manifest is of all images, so that
files of one length are of the same images.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import (
    EVALUATION,
    TOP,
    BatchLine,
    EvaluationEnd,
    EvaluationHeader,
    Unanswered,
    manifest_sha256,
)
from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.spec import Shape
from opbench.value import Value

PROTOCOL = Preprocessing(
    resize=Shape((256,)),
    crop=Shape((224, 224)),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    source="options",
)


def image_id(number: int) -> str:
    """The id of an image."""
    return f"{number:05}.png"


def header(name: str = "a", images: int = 4, **changes: Any) -> EvaluationHeader:
    """The header of an evaluation of ten classes; ``changes`` are its fields."""
    outputs = changes.get("outputs", 10)
    manifest = manifest_sha256((image_id(each), [each % outputs]) for each in range(images))
    usual = {
        "format": EVALUATION.version,
        "started": "2026-11-27T12:00:00Z",
        "environment": {"cpu": "A processor", "pillow": "12.0.0", "torch": "2.13.0"},
        "preprocessing": PROTOCOL,
        "weights": f"{name}.safetensors",
        "weights_sha256": hashlib.sha256(name.encode()).hexdigest(),
        "data": "images",
        "layout": "folder",
        "images": images,
        "manifest_sha256": manifest,
        "outputs": outputs,
        "group": name,
        "batch_size": 4,
    }
    return EvaluationHeader(**{"name": name, **usual, **changes})


def lines(first: EvaluationHeader, right: str) -> list[Value]:
    """The lines behind a header: batches, and images without an answer."""
    answered = [number for number, sign in enumerate(right) if sign in "10x"]
    batches = [
        batch(first.outputs, right, answered[start : start + first.batch_size])
        for start in range(0, len(answered), first.batch_size)
    ]
    without = [
        Unanswered(id=image_id(number), reason="it cannot be read")
        for number, sign in enumerate(right)
        if sign == "-"
    ]
    return [*batches, *without]


def batch(outputs: int, right: str, numbers: list[int]) -> BatchLine:
    """The answers to images of these numbers."""
    classes = [number % outputs for number in numbers]
    tops = [_top(outputs, each, right[at]) for at, each in zip(numbers, classes, strict=True)]
    return BatchLine(
        ids=tuple(map(image_id, numbers)),
        labels=tuple((each,) for each in classes),
        top=tuple(tops),
        margins=tuple((0.5,) * min(len(top), outputs - 1) for top in tops),
        decode_s=0.01,
        resize_s=0.02,
        copy_s=0.001,
        forward_s=0.1,
    )


def _top(outputs: int, label: int, sign: str) -> tuple[int, ...]:
    """The five best classes, the right one first, second or not among them."""
    others = [each for each in range(outputs) if each != label]
    place = {"1": 0, "0": 1, "x": len(others)}[sign]
    return tuple([*others[:place], label, *others[place:]][: min(TOP, outputs)])


def evaluation(name: str = "a", right: str = "1101", **changes: Any) -> Evaluation:
    """An evaluation in memory; ``changes`` are fields of its header."""
    first = header(name, len(right), **changes)
    made = lines(first, right)
    return Evaluation(
        header=first,
        paths=(Path(f"{name}.jsonl"),),
        batches=tuple(each for each in made if isinstance(each, BatchLine)),
        unanswered=tuple(each for each in made if isinstance(each, Unanswered)),
    )


def write_evaluation(
    results: Path,
    name: str = "a",
    right: str = "1101",
    *,
    stem: str = "",
    end: str | None = "finished",
    **changes: Any,
) -> Path:
    """Write ``results/evaluations/STEM.jsonl``, called like the network, and return its path.

    ``end`` is the reason of the last line, None for a file that has none; ``changes`` are fields
    of the header.
    """
    stem = stem or name
    first = header(name, len(right), **changes)
    written = [first, *lines(first, right)]
    if end is not None:
        counts = {"answered": sum(map(right.count, "10x")), "unanswered": right.count("-")}
        written.append(EvaluationEnd(reason=end, **counts))
    path = results / EVALUATION.folder / f"{stem}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(EVALUATION.encode(line) + b"\n" for line in written))
    return path
