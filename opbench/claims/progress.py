"""Statements about the rate at which the compute for an accuracy falls.

The sources count the operations of training.  What is stated here is that those of one forward
pass, as the figure ``progress`` draws them, fall at the same rate: no source says so.
"""

from __future__ import annotations

from opbench.claims.evidence import Evidence, LackingError
from opbench.claims.statement import Source, Statement, Trial, trial
from opbench.table.progress import HIGHEST, REFERENCES, HalvingTime, halving_time, steps

_HERNANDEZ = Source(
    name="Hernandez, Brown, arXiv:2005.04305", url="https://arxiv.org/abs/2005.04305"
)
_ERDIL = Source(name="Erdil, Besiroglu, arXiv:2212.05153", url="https://arxiv.org/abs/2212.05153")

# Months: the rate of the first, which has no interval, and of the second with its 95 % interval.
_HERNANDEZ_MONTHS = 16.0
_ERDIL_ESTIMATE = 9.0
_ERDIL_MONTHS = (4.0, 25.0)

_ALONE = "imagenet1k"
_MACS = "the MACs of one forward pass, not of training"


def _found(halving: HalvingTime | None) -> HalvingTime:
    if halving is None:
        raise LackingError("two networks that lowered the cost of an accuracy, with their years")
    return halving


def _alexnets_accuracy(evidence: Evidence) -> Trial:
    top1 = evidence.top1("alexnet")
    networks = [each for each in evidence.competing if each.trained_on == _ALONE]
    halving = _found(halving_time(networks, [top1], "macs"))
    first, *_, last = steps(networks, top1, "macs")
    return trial(
        halving.months.low <= _HERNANDEZ_MONTHS <= halving.months.high,
        f"MACs halve in {halving}: {first.cost / last.cost:.0f} times less from "
        f"{first.network.name} ({first.year}) to {last.network.name} ({last.year})",
    )


def _fixed_accuracies(evidence: Evidence) -> Trial:
    top1s = [*map(evidence.top1, REFERENCES), HIGHEST]
    halving = _found(halving_time(evidence.competing, top1s, "macs"))
    low, high = _ERDIL_MONTHS
    months = halving.months
    within = "within" if months.low <= _ERDIL_ESTIMATE <= months.high else "outside"
    return trial(
        low <= months.estimate <= high,
        f"MACs halve in {halving}, {halving.steps} steps; {_ERDIL_ESTIMATE:g} months are {within} "
        "this interval",
    )


STATEMENTS = (
    Statement(
        key="progress-alexnet",
        statement="A forward pass at AlexNet's accuracy became cheaper as fast as the training to "
        "it: half every 16 months.",
        source=_HERNANDEZ,
        place="abstract",
        how=f"{_MACS}: their halving time for AlexNet's top-1, weights of ImageNet-1k alone, has "
        "16 months in its 95 % interval",
        expected="16 months, 44 times less from 2012 to 2019, of training",
        test=_alexnets_accuracy,
    ),
    Statement(
        key="progress-nine-months",
        statement="A forward pass at a fixed accuracy becomes cheaper as fast as better algorithms "
        "make training: half every 4 to 25 months.",
        source=_ERDIL,
        place="abstract",
        how=f"{_MACS}: their halving time for five top-1 accuracies (AlexNet, GoogLeNet, "
        f"ResNet-50, Inception-ResNet-v2, {HIGHEST:g} %), all weights, is in the source's 95 % "
        "interval",
        expected="9 months, 95 % interval 4 to 25, of training",
        test=_fixed_accuracies,
    ),
)
