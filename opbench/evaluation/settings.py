"""The settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.evaluation.protocols import ProtocolOptions
from opbench.registry.targets import Target
from opbench.shards import Shard
from opbench.spec import DATASETS


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """The execution of a network, and the images that it answers.

    threads: of PyTorch on the CPU, None as it chooses; workers: threads that decode images.
    limit: images drawn at random with ``seed``, 0 for all.
    """

    device: str = "cpu"
    dtype: str = "float32"
    runtime: str = "eager"
    compile: str | None = None
    threads: int | None = None
    batch_size: int = 32
    workers: int = 2
    limit: int = 0
    seed: int = 0
    shard: Shard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedEvaluation:
    """One network and the images that it is to answer.

    data: the path of the images.  classes, labels: files of the order of classes and of re-assessed
    labels.  dataset: a key of ``spec.DATASETS``, "" where the data itself has to tell.
    weights: a file, None for those of the target.  source: who says so of a protocol that is put
    together for a purpose, "" where target and options tell.
    resumed: the evaluation to go on with, None for the newest like it.
    """

    target: Target
    data: Path
    classes: Path | None = None
    labels: Path | None = None
    dataset: str = ""
    weights: Path | None = None
    options: ProtocolOptions = field(default_factory=ProtocolOptions)
    source: str = ""
    settings: EvaluationSettings = field(default_factory=EvaluationSettings)
    resumed: Evaluation | None = None


CLASSIFIED = tuple(key for key, each in DATASETS.items() if each.test_images)
