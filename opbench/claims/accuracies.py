"""Statements about what networks reach, by their accuracies, published or measured here.

A difference of two accuracies is *beyond chance* when it exceeds 1.96 standard errors of the
difference of two shares of the test images.  The networks saw the same images, so their errors
go together and the test is on the careful side.
"""

from __future__ import annotations

import math

from opbench.accuracy import TEST_IMAGES, ChartPoint
from opbench.claims.evidence import Evidence, LackingError
from opbench.claims.statement import ARTICLE, PAPER, Source, Statement, Trial, trial
from opbench.intervals import Z

_SQUEEZENET = Source(
    name="Iandola et al., arXiv:1602.07360", url="https://arxiv.org/abs/1602.07360"
)
_XCEPTION = Source(name="Chollet, arXiv:1610.02357", url="https://arxiv.org/abs/1610.02357")
_RESNET = Source(name="He et al., arXiv:1512.03385", url="https://arxiv.org/abs/1512.03385")
_FRACTALNET = Source(
    name="Larsson et al., arXiv:1605.07648", url="https://arxiv.org/abs/1605.07648"
)

_NEWEST = ("ResNet-152", "Inception-v3", "Inception-v4")


def beyond_chance(first: float, second: float, images: int) -> bool:
    """Test whether two accuracies in percent on ``images`` images differ by more than chance."""
    a, b = first / 100, second / 100
    return abs(a - b) > Z * math.sqrt((a * (1 - a) + b * (1 - b)) / images)


def _newest_lead(evidence: Evidence) -> Trial:
    newest = [evidence.point(label) for label in _NEWEST]
    older = [
        point for point in evidence.chart if not point.label.startswith(("ResNet", "Inception"))
    ]
    worst, best = min(newest, key=_drawn), max(older, key=_drawn)
    names = (worst.architecture, best.architecture)
    today = [evidence.top1(name) for name in names]
    both = "; ".join(
        f"{top1:.2f} %, {evidence.accuracies[name].source}"
        for top1, name in zip(today, names, strict=True)
    )
    return trial(
        worst.top1_percent - best.top1_percent >= 7,
        f"{worst.label} {worst.top1_percent:.2f} % leads {best.label} {best.top1_percent:.2f} % by "
        f"{worst.top1_percent - best.top1_percent:.2f} points; by {today[0] - today[1]:.2f} where "
        f"each has its own evaluator ({both})",
    )


def _drawn(point: ChartPoint) -> float:
    return point.top1_percent


def _squeezenet_accuracy(evidence: Evidence) -> Trial:
    small, large = evidence.top1("squeezenet1_0"), evidence.top1("alexnet")
    worse = small < large and beyond_chance(small, large, TEST_IMAGES["imagenet"])
    return trial(not worse, f"top-1 {small:.1f} % against {large:.1f} %")


def _xception_accuracy(evidence: Evidence) -> Trial:
    new, old = evidence.top1("xception"), evidence.top1("inception_v3")
    return trial(
        new > old and beyond_chance(new, old, TEST_IMAGES["imagenet"]),
        f"top-1 {new:.1f} % against {old:.1f} %",
    )


def _xception_effective(evidence: Evidence) -> Trial:
    new = evidence.top1("xception")
    others = {name: evidence.top1(name) for name in ("resnet152", "inception_v4")}
    ahead = [
        name
        for name, top1 in others.items()
        if top1 > new and beyond_chance(new, top1, TEST_IMAGES["imagenet"])
    ]
    listed = ", ".join(f"{name} {top1:.1f} %" for name, top1 in others.items())
    return trial(not ahead, f"xception {new:.1f} %, {listed}")


def _thousand_layers(evidence: Evidence) -> Trial:
    macs, top1 = evidence.macs("resnet1202_cifar"), evidence.top1("resnet1202_cifar")
    return trial(top1 > 90, f"ResNet-1202: {macs:,} MACs, {top1:.2f} % on CIFAR-10")


def _too_deep(evidence: Evidence) -> Trial:
    shallow, deep = evidence.top1("resnet110_cifar"), evidence.top1("resnet1202_cifar")
    cost = evidence.macs("resnet1202_cifar") / evidence.macs("resnet110_cifar")
    return trial(
        deep < shallow and beyond_chance(deep, shallow, TEST_IMAGES["cifar10"]),
        f"{deep:.2f} % against {shallow:.2f} % for {cost:.1f} times the MACs",
    )


def _parallel_paths(evidence: Evidence) -> Trial:
    fractal, residual = evidence.top1("fractalnet_cifar"), evidence.top1("resnet110_cifar")
    worse = fractal < residual and beyond_chance(fractal, residual, TEST_IMAGES["cifar10"])
    ratio = evidence.macs("fractalnet_cifar") / evidence.macs("resnet110_cifar")
    return trial(
        not worse,
        f"FractalNet-20 {fractal:.2f} %, ResNet-110 {residual:.2f} % on CIFAR-10; FractalNet "
        f"takes {ratio:.1f} times the MACs",
    )


def _short_paths(evidence: Evidence) -> Trial:
    raise LackingError("trained weights, tested with blocks removed: opbench trains nothing")


STATEMENTS = (
    Statement(
        key="newest-lead",
        statement="The newest ResNet and Inception lead all others by at least 7 points.",
        source=PAPER,
        place="Figure 1",
        how="lowest of ResNet-152, Inception-v3 and -v4 less the best point of the chart that is "
        "neither a ResNet nor an Inception, all as the paper's one evaluator had them",
        expected="7 points or more",
        test=_newest_lead,
    ),
    Statement(
        key="squeezenet-accuracy",
        statement="SqueezeNet has AlexNet's accuracy.",
        source=_SQUEEZENET,
        place="title",
        how="primary top-1 of both, not lower beyond chance",
        expected="AlexNet-level accuracy",
        test=_squeezenet_accuracy,
    ),
    Statement(
        key="xception-accuracy",
        statement="Xception is more accurate than Inception-v3.",
        source=_XCEPTION,
        place="Table 1",
        how="primary top-1 of both, higher beyond chance",
        expected="higher",
        test=_xception_accuracy,
    ),
    Statement(
        key="xception-effective",
        statement="Xception is as effective as ResNet and Inception V4.",
        source=ARTICLE,
        place="section Xception",
        how="primary top-1 against ResNet-152 and Inception-v4, not lower beyond chance",
        expected="as effective",
        test=_xception_effective,
    ),
    Statement(
        key="thousand-layers",
        statement="With residuals, networks of more than a hundred and even 1,000 layers train.",
        source=ARTICLE,
        place="section ResNet",
        how="published top-1 of ResNet-1202 on CIFAR-10, above 90 %",
        expected="trains",
        test=_thousand_layers,
    ),
    Statement(
        key="too-deep",
        statement="From 110 to 1,202 layers, ResNet loses accuracy on CIFAR-10.",
        source=_RESNET,
        place="section 4.2",
        how="published top-1 of both, lower beyond chance; ResNet-110 is the best of five runs "
        "(mean 93.39 %), ResNet-1202 a single one",
        expected="lower",
        test=_too_deep,
    ),
    Statement(
        key="parallel-paths",
        statement="Parallel paths without residuals do as well as depth.",
        source=_FRACTALNET,
        place="abstract",
        how="published top-1 of FractalNet-20 and ResNet-110, not lower beyond chance; ResNet-110 "
        "is the best of five runs (mean 93.39 %), FractalNet a single one",
        expected="matches",
        test=_parallel_paths,
    ),
    Statement(
        key="short-paths",
        statement="ResNet works as blocks of 20 to 30 layers in parallel, not as one deep chain.",
        source=ARTICLE,
        place="section ResNet",
        how="accuracy with blocks of a trained network removed",
        expected="paths of 20 to 30 layers",
        test=_short_paths,
    ),
)
