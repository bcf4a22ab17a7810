"""One evaluation: its files joined, every image once, and the accuracy with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from opbench.accuracy.interval import wilson_interval
from opbench.accuracy.measured.lines import TOP, BatchLine, EvaluationHeader, Unanswered


class ImageAnswer(NamedTuple):
    """The answer to one image: its best classes, and by how much each output exceeds the next."""

    labels: tuple[int, ...]
    top: tuple[int, ...]
    margins: tuple[float, ...]

    @property
    def right(self) -> bool:
        """True where the best class is a right one."""
        return self.top[0] in self.labels

    @property
    def right5(self) -> bool:
        """True where a right class is among the five best."""
        return not set(self.labels).isdisjoint(self.top)


class Share(NamedTuple):
    """A percentage of images, with Wilson's 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The answers of one network to one set of images, from one file or from several."""

    header: EvaluationHeader
    paths: tuple[Path, ...] = ()
    batches: tuple[BatchLine, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()

    @cached_property
    def answers(self) -> Mapping[str, ImageAnswer]:
        """The answer to each image by its id; the first where there are several."""
        found: dict[str, ImageAnswer] = {}
        for name, answer in self._all():
            found.setdefault(name, answer)
        return found

    @property
    def images(self) -> int:
        """The number of images that have an answer."""
        return len(self.answers)

    @cached_property
    def failed(self) -> Mapping[str, str]:
        """The reason for each image that has no answer, by id."""
        return {line.id: line.reason for line in self.unanswered if line.id not in self.answers}

    @cached_property
    def twice(self) -> tuple[str, ...]:
        """The ids of images that were answered more than once."""
        times = Counter(name for name, _ in self._all())
        return tuple(name for name, number in times.items() if number > 1)

    @property
    def missing(self) -> int:
        """The number of images that have neither an answer nor a reason."""
        return max(0, self.header.images - self.images - len(self.failed))

    @property
    def complete(self) -> bool:
        """True where every image was answered exactly once."""
        return self.images == self.header.images and not self.twice and not self.failed

    @property
    def top1(self) -> Share | None:
        """The percentage of images whose best class is right; None without any."""
        return self._share(sum(answer.right for answer in self.answers.values()))

    @property
    def top5(self) -> Share | None:
        """The percentage with a right class among the five best; None below six classes."""
        if any(len(answer.margins) < TOP for answer in self.answers.values()):
            return None
        return self._share(sum(answer.right5 for answer in self.answers.values()))

    def confusions(self, most: int) -> list[tuple[int, int, int]]:
        """Return (right class, answer, images) of the classes most often taken for another."""
        wrong = Counter(
            (answer.labels[0], answer.top[0])
            for answer in self.answers.values()
            if answer.labels and not answer.right
        )
        return [(*pair, number) for pair, number in wrong.most_common(most)]

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each stage, of all images together."""
        names = ("decode_s", "resize_s", "copy_s", "forward_s")
        return {name: sum(getattr(line, name) for line in self.batches) for name in names}

    def _share(self, right: int) -> Share | None:
        if not self.images:
            return None
        percentage = 100 * right / self.images
        return Share(percentage, *wilson_interval(percentage, self.images))

    def _all(self) -> Iterator[tuple[str, ImageAnswer]]:
        for line in self.batches:
            rows = zip(line.ids, line.labels, line.top, line.margins, strict=True)
            for name, labels, top, margins in rows:
                yield name, ImageAnswer(labels, top, margins)
