"""The findings of ``opbench evaluate``, for people and for machines."""

from __future__ import annotations

from typing import Any

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.cli.columns import Column, as_printed, integer, percentage, significant
from opbench.cli.render import Format, note, plural, render, say
from opbench.table.measured import against_published

_CONFUSIONS = 5
_NAMED = 3

_COLUMNS = (
    Column(key="name", title="name", keep=True),
    Column(key="images", title="images", show=integer, right=True),
    Column(
        key="top1",
        also=("top1_low", "top1_high"),
        title="top-1 %",
        show=percentage,
        right=True,
        caption="Top-1 and top-5 with Wilson's 95 % interval.",
    ),
    Column(
        key="top5", also=("top5_low", "top5_high"), title="top-5 %", show=percentage, right=True
    ),
    Column(key="published", title="published", show=as_printed(1), right=True),
    Column(key="published_verdict", title="", prose=True),
    Column(key="forward_images_per_s", title="images/s", show=significant(1), right=True),
    Column(key="protocol", title="protocol", prose=True),
    Column(key="dtype", title="dtype"),
    Column(key="runtime", title="runtime"),
    Column(key="reason", title="", note=True),
)


class Findings:
    """Evaluations and the networks that could not be evaluated, in their order."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._evaluations: list[Evaluation] = []
        self._failed = False

    @property
    def fails(self) -> bool:
        """True where an image has no answer or several, or a network could not be evaluated."""
        return self._failed or any(
            each.failed or each.twice or (each.missing and not each.header.shard)
            for each in self._evaluations
        )

    def add(self, evaluation: Evaluation) -> None:
        """Take the evaluation of one network."""
        self._evaluations.append(evaluation)
        self._rows.append(row(evaluation))

    def fail(self, name: str, reason: str) -> None:
        """Take a network that could not be evaluated."""
        self._failed = True
        self._rows.append({"name": name, "reason": reason})

    def render(self, format: Format) -> str:
        """Render a row for each network."""
        keys = dict.fromkeys(key for each in self._rows for key in each)
        rows = [{key: each.get(key) for key in keys} for each in self._rows]
        return render(rows, format, _COLUMNS)

    def say(self) -> None:
        """Say what no row tells: images without an answer, confusions, where the answers are."""
        for each in self._evaluations:
            _say(each)


def row(evaluation: Evaluation) -> dict[str, Any]:
    """Return the flat row of an evaluation."""
    header, top1, top5 = evaluation.header, evaluation.top1, evaluation.top5
    published = against_published(evaluation)
    seconds = evaluation.seconds()
    return {
        "name": header.name,
        "images": evaluation.images,
        "top1": top1 and top1.value,
        "top1_low": top1 and top1.low,
        "top1_high": top1 and top1.high,
        "top5": top5 and top5.value,
        "top5_low": top5 and top5.low,
        "top5_high": top5 and top5.high,
        "published": published and published.published,
        "published_source": published and published.source,
        "published_verdict": published and str(published),
        "dataset": header.dataset,
        "protocol": str(header.preprocessing),
        "protocol_source": header.preprocessing.source,
        "protocol_sha256": header.preprocessing.sha256,
        "weights": header.weights,
        "weights_sha256": header.weights_sha256,
        "data": header.data,
        "manifest_sha256": header.manifest_sha256,
        "unanswered": len(evaluation.failed),
        "missing": evaluation.missing,
        "twice": len(evaluation.twice),
        "alone": sum(line.alone for line in evaluation.batches),
        "changed": sum(line.changed for line in evaluation.batches),
        "confusions": [
            f"{right} taken for {taken}: {number}"
            for right, taken, number in evaluation.confusions(_CONFUSIONS)
        ],
        "params": header.counts and header.counts.params,
        "macs": header.counts and header.counts.macs,
        **{
            f"{stage.removesuffix('_s')}_images_per_s": _rate(evaluation, spent, stage)
            for stage, spent in seconds.items()
        },
        "device": header.device,
        "dtype": header.dtype,
        "runtime": header.runtime,
        "batch_size": header.batch_size,
        "shard": header.shard,
        "files": [path.stem for path in evaluation.paths],
        "reason": "",
    }


def _rate(evaluation: Evaluation, seconds: float, stage: str) -> float | None:
    """Return images per second of a stage; of those in threads, of all threads together."""
    at_once = evaluation.header.workers if stage in ("decode_s", "resize_s") else 1
    return at_once * evaluation.images / seconds if seconds else None


def _say(evaluation: Evaluation) -> None:
    name, header = evaluation.header.name, evaluation.header
    say_failed(evaluation)
    if header.differs:
        say(f"{name}: {header.differs}")
    if evaluation.twice:
        first = ", ".join(evaluation.twice[:_NAMED])
        say(
            f"{name}: {plural(len(evaluation.twice), 'image')} answered twice ({first}): delete "
            "one of the files with `opbench runs --delete`"
        )
    if evaluation.missing:
        todo = "the other shards, or --resume" if header.shard else "--resume"
        say(f"{name}: {evaluation.missing:,} of {header.images:,} images are missing: {todo}")
    say_changed(evaluation)
    if confusions := evaluation.confusions(_CONFUSIONS):
        told = "; ".join(f"{right} for {taken} ({number})" for right, taken, number in confusions)
        note(f"{name}: most often taken for another class: {told}")
    note(f"{name}: every answer is in {', '.join(map(str, evaluation.paths))}")


def say_failed(evaluation: Evaluation) -> None:
    """Say which images have no answer, and why."""
    name = evaluation.header.name
    for image, reason in [*evaluation.failed.items()][:_NAMED]:
        say(f"{name}: {image} has no answer: {reason}")
    if (more := len(evaluation.failed) - _NAMED) > 0:
        say(f"{name}: {plural(more, 'more image')} without an answer: see the file")


def say_changed(evaluation: Evaluation) -> None:
    """Say how many answers depended on the batch: all of them in float32, else the first batch."""
    changed = sum(line.changed for line in evaluation.batches)
    if changed:
        probed = "" if evaluation.header.dtype in ("float32", "float64") else ", of the first batch"
        say(
            f"{evaluation.header.name}: {plural(changed, 'image')} answered otherwise alone than "
            f"in a batch{probed}"
        )
