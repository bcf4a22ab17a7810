"""Statements of the module study that the article recommends: accuracy, and its price in MACs.

Each variant is CaffeNet128 with one thing changed, trained and tested alike on 50,000 images of
128 x 128; the counts say what the change costs.

Reference:
    D. Mishkin, N. Sergievskiy, J. Matas.  "Systematic Evaluation of Convolution Neural Network
    Advances on the ImageNet."  CVIU 2017.  arXiv:1606.02228.
"""

from __future__ import annotations

from functools import partial

from opbench.accuracy import TEST_IMAGES
from opbench.claims.accuracies import beyond_chance
from opbench.claims.evidence import Evidence
from opbench.claims.statement import ARTICLE, Outcome, Statement, outcome


def _better(evidence: Evidence, name: str, base: str) -> Outcome:
    new, old = evidence.top1(name), evidence.top1(base)
    cost = 100 * (evidence.macs(name) / evidence.macs(base) - 1)
    return outcome(
        new > old and beyond_chance(new, old, TEST_IMAGES["imagenet128"]),
        f"top-1 {new:.1f} % against {old:.1f} %, for {cost:+.1f} % MACs",
    )


def _advice(key: str, statement: str, name: str, base: str = "caffenet128") -> Statement:
    return Statement(
        key=key,
        statement=statement,
        source=ARTICLE,
        place="section An analysis of modules",
        how=f"published top-1 of {name} against {base}, higher beyond chance",
        expected="higher",
        test=partial(_better, name=name, base=base),
    )


STATEMENTS = (
    _advice("study-elu", "ELU instead of ReLU pays.", "caffenet128_elu"),
    _advice("study-batch-norm", "ReLU with batch normalisation pays.", "caffenet128_bn"),
    _advice("study-colour", "A learned transformation of RGB pays.", "caffenet128_colorspace"),
    _advice("study-pooling", "The sum of average and max pooling pays.", "caffenet128_avgmax_pool"),
    _advice(
        "study-classifier",
        "Fully connected layers as convolutions, their predictions averaged, pay.",
        "caffenet128_conv_classifier",
        "caffenet128_elu",
    ),
)
