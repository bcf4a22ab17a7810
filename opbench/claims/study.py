"""Statements of the module study that the article recommends: accuracy, and its price in MACs.

Each variant is CaffeNet128 with one thing changed, trained and tested alike on 50,000 images of
128 x 128; the counts say what the change costs.  What is changed in the training alone costs none.

Reference:
    D. Mishkin, N. Sergievskiy, J. Matas.  "Systematic Evaluation of Convolution Neural Network
    Advances on the ImageNet."  CVIU 2017.  arXiv:1606.02228.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from opbench.accuracy import TEST_IMAGES
from opbench.claims.accuracies import beyond_chance
from opbench.claims.evidence import Evidence
from opbench.claims.experiments import Experiment
from opbench.claims.statement import ARTICLE, Statement, Trial, trial


def _higher(new: float, old: float) -> bool:
    return new > old and beyond_chance(new, old, TEST_IMAGES["imagenet128"])


def _better(evidence: Evidence, name: str, base: str) -> Trial:
    new, old = evidence.top1(name), evidence.top1(base)
    cost = 100 * (evidence.macs(name) / evidence.macs(base) - 1)
    return trial(
        _higher(new, old), f"top-1 {new:.1f} % against {old:.1f} %, for {cost:+.1f} % MACs"
    )


def _listed(experiment: Experiment) -> str:
    return ", ".join(f"{setting}: {top1:.1f} %" for setting, top1 in experiment.items())


def _linear_decay(evidence: Evidence) -> Trial:
    lengths = (320_000, 160_000)
    tried = [evidence.experiment(f"learning rate decay in {each} iterations") for each in lengths]
    return trial(
        all(
            _higher(top1["linear"], other)
            for top1 in tried
            for decay, other in top1.items()
            if decay != "linear"
        ),
        "; ".join(
            f"in {each:,} iterations: {_listed(top1)}"
            for each, top1 in zip(lengths, tried, strict=True)
        ),
    )


def _mini_batch(evidence: Evidence) -> Trial:
    top1 = evidence.experiment("mini-batch at one rate")
    sizes, best = sorted(top1, key=int), max(top1["128"], top1["256"])
    return trial(
        not any(_higher(top1[size], best) for size in sizes)
        and all(_higher(best, top1[size]) for size in (sizes[0], sizes[-1])),
        _listed(top1),
    )


def _mini_batch_rate(evidence: Evidence) -> Trial:
    at_once = evidence.experiment("mini-batch at one rate")
    shared = evidence.experiment("mini-batch at its share of the rate")
    return trial(
        not any(_higher(shared["256"], top1) for top1 in shared.values()),
        f"{_listed(shared)}; unscaled 64: {at_once['64']:.1f} %, 32: {at_once['32']:.1f} %",
    )


def _more_images(evidence: Evidence) -> Trial:
    top1 = {int(images): value for images, value in evidence.experiment("training images").items()}
    sizes = sorted(top1)

    def gain(fewer: int, more: int) -> float:
        return 100_000 * (top1[more] - top1[fewer]) / (more - fewer)

    first, last = gain(*sizes[:2]), gain(*sizes[-2:])
    plateau = "no plateau" if _higher(top1[sizes[-1]], top1[sizes[-2]]) else "a plateau"
    return trial(
        last < first,
        f"{first:.1f} points per 100,000 images from {sizes[0]:,} to {sizes[1]:,}, {last:.1f} "
        f"from {sizes[-2]:,} to {sizes[-1]:,}: {plateau} there",
    )


def _clean_labels(evidence: Evidence) -> Trial:
    wrong = evidence.experiment("wrong labels in percent of 1200000 images")["50"]
    clean = evidence.experiment("training images")["600000"]
    return trial(
        _higher(clean, wrong),
        f"600,000 images {clean:.1f} %; with 600,000 wrongly labelled ones added {wrong:.1f} %",
    )


def _stride(evidence: Evidence) -> Trial:
    grown = evidence.experiment("image size at stride 4")
    strided = evidence.experiment("image size at the stride that keeps the map of 128")
    shares = {
        size: (strided[size] - grown[size]) / (grown["128"] - grown[size]) for size in strided
    }
    return trial(
        min(shares.values()) >= 0.75,
        "; ".join(
            f"{size} x {size}: {grown[size]:.1f} %, {strided[size]:.1f} % by stride, "
            f"{grown['128']:.1f} % by size, so {100 * share:.0f} % of the gain"
            for size, share in shares.items()
        ),
    )


def _careful(evidence: Evidence) -> Trial:
    plain = evidence.experiment("batch normalisation in CaffeNet128")
    complex_ = evidence.experiment("batch normalisation in GoogLeNet128")
    ways = [way for way in plain if way != "none"]
    return trial(
        all(
            _higher(plain[way], plain["none"]) and _higher(complex_["none"], complex_[way])
            for way in ways
        ),
        f"CaffeNet128: {_listed(plain)}; GoogLeNet128: {_listed(complex_)}",
    )


def _advice(
    key: str, statement: str, how: str, expected: str, test: Callable[[Evidence], Trial]
) -> Statement:
    return Statement(
        key=key,
        statement=statement,
        source=ARTICLE,
        place="section An analysis of modules",
        how=how,
        expected=expected,
        test=test,
    )


def _network(key: str, statement: str, name: str, base: str = "caffenet128") -> Statement:
    return _advice(
        key,
        statement,
        f"published top-1 of {name} against {base}, higher beyond chance",
        "use it",
        partial(_better, name=name, base=base),
    )


STATEMENTS = (
    _network("study-elu", "ELU instead of ReLU pays.", "caffenet128_elu"),
    _network("study-batch-norm", "ReLU with batch normalisation pays.", "caffenet128_bn"),
    _network("study-colour", "A learned transformation of RGB pays.", "caffenet128_colorspace"),
    _advice(
        "study-linear-decay",
        "A learning rate that falls along a line pays.",
        "top-1 higher beyond chance than with every other decay in as many iterations",
        "use it",
        _linear_decay,
    ),
    _network(
        "study-pooling", "The sum of average and max pooling pays.", "caffenet128_avgmax_pool"
    ),
    _advice(
        "study-mini-batch",
        "A mini-batch has about 128 or 256 images.",
        "at one learning rate no other size has a higher top-1 beyond chance, and the smallest "
        "and the largest have a lower one",
        "around 128 or 256",
        _mini_batch,
    ),
    _advice(
        "study-mini-batch-rate",
        "A smaller mini-batch wants a learning rate smaller in proportion.",
        "top-1 of smaller ones at such a rate, not lower beyond chance than that of 256",
        "decrease the rate in proportion",
        _mini_batch_rate,
    ),
    _network(
        "study-classifier",
        "Fully connected layers as convolutions, their predictions averaged, pay.",
        "caffenet128_conv_classifier",
        "caffenet128_elu",
    ),
    _advice(
        "study-more-images",
        "More training images bring less and less: check for a plateau before paying for them.",
        "gain in top-1 per image between the two largest sets, less than between the two smallest",
        "check for a plateau",
        _more_images,
    ),
    _advice(
        "study-clean-labels",
        "Clean training data matter more than many.",
        "top-1 with 600,000 clean images, higher beyond chance than with as many wrong ones added",
        "cleanliness before size",
        _clean_labels,
    ),
    _advice(
        "study-stride",
        "A smaller stride does roughly what a larger image does.",
        "gain in top-1 of 64 and 96 pixels from the stride that gives the first map of 128 pixels, "
        "against that from 128 pixels; roughly the same is three quarters or more",
        "roughly the same effect",
        _stride,
    ),
    _advice(
        "study-careful",
        "Modify a complex and highly optimised architecture like GoogLeNet with care.",
        "batch normalisation in four ways: top-1 of CaffeNet128 higher and that of GoogLeNet128 "
        "lower beyond chance",
        "be careful",
        _careful,
    ),
)
