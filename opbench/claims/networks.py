"""Statements about whole networks that counts decide, with the 2016 chart and density."""

from __future__ import annotations

from opbench.accuracy import PUBLISHED_ONLY
from opbench.claims.evidence import Evidence, LackingError
from opbench.claims.statement import ARTICLE, PAPER, Source, Statement, Trial, trial
from opbench.registry.counts_csv import NetworkRow

_ONE_TOWER = Source(name="Krizhevsky, arXiv:1404.5997", url="https://arxiv.org/abs/1404.5997")
_SQUEEZENET = Source(
    name="Iandola et al., arXiv:1602.07360", url="https://arxiv.org/abs/1602.07360"
)
_FIRST_VERSION = Source(name=f"{PAPER.name}v1", url=f"{PAPER.url}v1")
_XCEPTION = Source(name="Chollet, arXiv:1610.02357", url="https://arxiv.org/abs/1610.02357")

_VGGS = frozenset({"vgg16", "vgg19"})


def density(evidence: Evidence, name: str) -> float:
    """Top-1 in percent per million parameters."""
    return evidence.top1(name) / (evidence.params(name) * 1e-6)


def _googlenet_classifier(evidence: Evidence) -> Trial:
    small = evidence.fact("googlenet").linear_macs
    others = {name: evidence.fact(name).linear_macs for name in ("alexnet", "vgg16")}
    listed = ", ".join(f"{name} {macs:,}" for name, macs in others.items())
    return trial(
        all(macs >= 10 * small for macs in others.values()), f"googlenet {small:,} MACs, {listed}"
    )


def _linear_shares(evidence: Evidence, name: str) -> tuple[float, float]:
    fact = evidence.fact(name)
    return 100 * fact.linear_params / fact.params, 100 * fact.linear_macs / fact.macs


def _linear_share(evidence: Evidence) -> Trial:
    params, macs = _linear_shares(evidence, "alexnet_owt")
    vgg_params, vgg_macs = _linear_shares(evidence, "vgg16")
    return trial(
        round(params / 5) * 5 == 95 and 5 <= macs <= 10,
        f"{params:.1f} % of the parameters and {macs:.1f} % of the MACs "
        f"(VGG-16: {vgg_params:.1f} % and {vgg_macs:.1f} %)",
    )


def _in_convolutions(fact: NetworkRow) -> int:
    return fact.params - fact.linear_params


def _vgg_parameters(evidence: Evidence) -> Trial:
    vgg = evidence.fact("vgg19")
    before = [
        fact
        for fact in evidence.facts.values()
        if fact.dataset == vgg.dataset and fact.year < vgg.year
    ]
    if not before:
        raise LackingError("the counts of ImageNet networks older than VGG")
    most = max(before, key=_in_convolutions)
    share = 100 * _in_convolutions(vgg) / vgg.params
    return trial(
        _in_convolutions(vgg) > _in_convolutions(most),
        f"{_in_convolutions(vgg):,} in VGG-19's convolutions, {_in_convolutions(most):,} in "
        f"those of {most.name}; {share:.1f} % of all of VGG-19's, whose rest is fully connected",
    )


def _vgg_costliest(evidence: Evidence) -> Trial:
    names = {point.architecture for point in evidence.chart} - PUBLISHED_ONLY
    if not names >= _VGGS:
        raise LackingError("the points of the 2016 chart")
    by_macs = sorted(names, key=evidence.macs, reverse=True)[:2]
    by_params = sorted(names, key=evidence.params, reverse=True)[:2]
    return trial(
        set(by_macs) == set(by_params) == _VGGS,
        f"most MACs: {', '.join(by_macs)}; most parameters: {', '.join(by_params)}",
    )


def _squeezenet_params(evidence: Evidence) -> Trial:
    ratio = evidence.params("alexnet") / evidence.params("squeezenet1_0")
    return trial(ratio >= 47.5, f"{ratio:.1f} times fewer")


def _enet_size(evidence: Evidence) -> Trial:
    params = evidence.params("enet")
    return trial(
        round(2 * params / 1e6, 1) == 0.7, f"{params:,} parameters, {2 * params / 1e6:.3f} MB"
    )


def _chart_density(evidence: Evidence, label: str) -> float:
    point = evidence.point(label)
    return point.top1_percent / point.params_millions


def _enet_density(evidence: Evidence) -> Trial:
    enet = _chart_density(evidence, "ENet")
    alexnet = enet / _chart_density(evidence, "AlexNet")
    vgg = enet / _chart_density(evidence, "VGG-19")
    return trial(
        round(alexnet) == 13 and round(vgg) == 24,
        f"{alexnet:.2f} and {vgg:.2f} times, by the points as published: that ENet cannot be run",
    )


def _enet_densest(evidence: Evidence) -> Trial:
    enet = _chart_density(evidence, "ENet")
    densities = {
        name: density(evidence, name)
        for name, fact in evidence.facts.items()
        if fact.dataset == "imagenet" and name in evidence.accuracies
    }
    if not densities:
        raise LackingError("ImageNet networks with counts and accuracies")
    best = max(densities, key=densities.__getitem__)
    on_chart = max(evidence.chart, key=lambda p: p.top1_percent / p.params_millions).label
    return trial(
        enet >= densities[best],
        f"ENet {enet:.1f} %/M as published, {best} {densities[best]:.1f} %/M; "
        f"densest on the chart of 2016: {on_chart}",
    )


def _googlenet_density(evidence: Evidence) -> Trial:
    googlenet = density(evidence, "googlenet")
    alexnet = googlenet / density(evidence, "alexnet")
    vgg = googlenet / density(evidence, "vgg16")
    return trial(
        abs(alexnet / 10 - 1) <= 0.1 and abs(vgg / 20 - 1) <= 0.1,
        f"{alexnet:.1f} times AlexNet's, {vgg:.1f} times VGG-16's",
    )


def _xception_params(evidence: Evidence) -> Trial:
    small, large = evidence.params("xception"), evidence.params("inception_v3")
    return trial(
        abs(small / large - 1) <= 0.05,
        f"{small:,} against {large:,}: {100 * (small / large - 1):+.1f} %",
    )


STATEMENTS = (
    Statement(
        key="googlenet-classifier",
        statement="GoogLeNet's classifier takes extremely few operations beside AlexNet's and "
        "VGG's.",
        source=ARTICLE,
        place="section GoogLeNet and Inception",
        how="MACs of fully connected layers; extremely few is a tenth or less",
        expected="extremely low number of operations",
        test=_googlenet_classifier,
    ),
    Statement(
        key="fully-connected-share",
        statement="Fully connected layers hold about 95 % of the parameters and 5 to 10 % of the "
        "computation.",
        source=_ONE_TOWER,
        place="on the two types of layers",
        how="shares in the one-tower AlexNet; about is to the nearest 5 %",
        expected="95 %, and 5 to 10 %",
        test=_linear_share,
    ),
    Statement(
        key="vgg-parameters",
        statement="VGG's repeated 256x256 and 512x512 3x3 filters amount to a massive number of "
        "parameters.",
        source=ARTICLE,
        place="section VGG",
        how="parameters of convolutions; massive is more than in any ImageNet network of an "
        "earlier year",
        expected="massive number of parameters",
        test=_vgg_parameters,
    ),
    Statement(
        key="vgg-costliest",
        statement="VGG is the costliest in operations and in parameters.",
        source=PAPER,
        place="Figure 2",
        how="the two networks of the chart with the most of each, counted today",
        expected="both VGGs in both",
        test=_vgg_costliest,
    ),
    Statement(
        key="squeezenet-parameters",
        statement="SqueezeNet has 50 times fewer parameters than AlexNet.",
        source=_SQUEEZENET,
        place="title",
        how="ratio of the counts, within 5 %",
        expected="50 times",
        test=_squeezenet_params,
    ),
    Statement(
        key="enet-size",
        statement="ENet's encoder and decoder together take 0.7 MB at half precision.",
        source=ARTICLE,
        place="section ENet",
        how="2 bytes per parameter, to the digits printed",
        expected="0.7 MB",
        test=_enet_size,
    ),
    Statement(
        key="enet-density",
        statement="ENet has 13 times AlexNet's and 24 times VGG-19's accuracy per parameter.",
        source=PAPER,
        place="Figure 10",
        how="top-1 per million parameters of the chart's points, to whole times",
        expected="13 and 24 times",
        test=_enet_density,
    ),
    Statement(
        key="enet-densest",
        statement="ENet has the highest accuracy per parameter of any network.",
        source=ARTICLE,
        place="section ENet",
        how="the chart's ENet against every ImageNet network of the registry",
        expected="highest",
        test=_enet_densest,
    ),
    Statement(
        key="googlenet-density",
        statement="GoogLeNet uses its parameters 10 times better than AlexNet and 20 times better "
        "than VGG-16.",
        source=_FIRST_VERSION,
        place="first version",
        how="ratio of top-1 per million parameters, within 10 %",
        expected="10 and 20 times",
        test=_googlenet_density,
    ),
    Statement(
        key="xception-parameters",
        statement="Xception has as many parameters as Inception-v3.",
        source=_XCEPTION,
        place="abstract and Table 3",
        how="ratio of the counts, within 5 %",
        expected="as many",
        test=_xception_params,
    ),
)
