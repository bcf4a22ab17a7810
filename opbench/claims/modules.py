"""Statements about building blocks: exact counts at one position, or on one map."""

from __future__ import annotations

from opbench.claims.evidence import Evidence
from opbench.claims.statement import ARTICLE, Source, Statement, Trial, trial

_VGG = Source(name="Simonyan, Zisserman, arXiv:1409.1556", url="https://arxiv.org/abs/1409.1556")
_INCEPTION_V3 = Source(
    name="Szegedy et al., arXiv:1512.00567", url="https://arxiv.org/abs/1512.00567"
)
_RESNET = Source(name="He et al., arXiv:1512.03385", url="https://arxiv.org/abs/1512.03385")
_SQUEEZENET = Source(
    name="Iandola et al., arXiv:1602.07360", url="https://arxiv.org/abs/1602.07360"
)


def _against(evidence: Evidence, small: str, large: str) -> tuple[float, str]:
    """Return the ratio of MACs of ``large`` to ``small``, and the same in words."""
    few, many = evidence.macs(small), evidence.macs(large)
    return many / few, f"{few:,} against {many:,} MACs: {many / few:.2f} times fewer"


def _bottleneck_counts(evidence: Evidence) -> Trial:
    plain, squeezed = evidence.macs("conv3x3_256"), evidence.macs("bottleneck_256_64")
    return trial(
        plain // 1000 == 589 and round(squeezed, -4) == 70_000, f"{plain:,} and {squeezed:,} MACs"
    )


def _bottleneck_tenfold(evidence: Evidence) -> Trial:
    ratio, found = _against(evidence, "bottleneck_256_64", "conv3x3_256")
    return trial(9 <= ratio <= 10, found)


def _three_for_seven(evidence: Evidence) -> Trial:
    three, seven = evidence.params("three_conv3x3_64"), evidence.params("conv7x7_64")
    return trial(
        round(100 * (seven / three - 1)) == 81,
        f"{three:,} against {seven:,} weights: 7x7 needs {100 * (seven / three - 1):.1f} % more",
    )


def _flat_for_seven(evidence: Evidence) -> Trial:
    ratio, found = _against(evidence, "conv1x7_7x1_64", "conv7x7_64")
    return trial(ratio > 1, found)


def _two_for_five_saving(evidence: Evidence) -> Trial:
    saved = 1 - evidence.macs("two_conv3x3_64") / evidence.macs("conv5x5_64")
    return trial(round(100 * saved) == 28, f"{100 * saved:.0f} % fewer MACs")


def _inception_reduction(evidence: Evidence) -> Trial:
    ratio, found = _against(evidence, "inception_3a", "inception_3a_naive")
    return trial(ratio >= 2, found)


def _grid(evidence: Evidence) -> Trial:
    first, found_first = _against(evidence, "grid_parallel", "grid_conv_then_pool")
    last, found_last = _against(evidence, "grid_parallel", "grid_pool_then_conv")
    return trial(
        first > 1 and last > 1,
        f"convolution first: {found_first}; pooling first: {found_last}",
    )


def _bottleneck_equal_width(evidence: Evidence) -> Trial:
    plain, squeezed = 2 * evidence.macs("conv3x3_256"), evidence.macs("residual_bottleneck_256")
    return trial(
        plain > squeezed,
        f"{squeezed:,} against {plain:,} MACs for two 3x3 on 256: {plain / squeezed:.1f} times "
        "fewer",
    )


def _bottleneck_similar(evidence: Evidence) -> Trial:
    basic, bottleneck = evidence.macs("residual_basic_64"), evidence.macs("residual_bottleneck_256")
    return trial(
        abs(bottleneck / basic - 1) <= 0.1,
        f"{bottleneck:,} against {basic:,} MACs: {100 * (bottleneck / basic - 1):+.1f} %",
    )


def _separable(evidence: Evidence) -> Trial:
    ratio, found = _against(evidence, "separable3x3_256", "conv3x3_256")
    return trial(ratio > 1, found)


def _fire(evidence: Evidence) -> Trial:
    ratio, found = _against(evidence, "fire_96_16_128", "conv3x3_96_128")
    return trial(ratio > 1, found)


def _sparse_c3(evidence: Evidence) -> Trial:
    c1, c5, f6 = 6 * 28 * 28 * 25, 120 * 16 * 25, 84 * 120
    sparse, dense = evidence.macs("lenet5") - c1 - c5 - f6, 16 * 6 * 25 * 100
    return trial(sparse < dense, f"{sparse:,} against {dense:,} MACs in C3 if all maps met")


STATEMENTS = (
    Statement(
        key="lenet-sparse",
        statement="LeNet-5's sparse connections between layers avoid computation.",
        source=ARTICLE,
        place="section LeNet5",
        how="MACs of C3, what LeNet-5 counts less its other layers, against all 16 x 6 pairs",
        expected="fewer",
        test=_sparse_c3,
    ),
    Statement(
        key="bottleneck-counts",
        statement="A 3x3 convolution on 256 features takes 589,000s of MACs at a position; "
        "squeezed through 64 features it takes about 70,000.",
        source=ARTICLE,
        place="section Bottleneck layer",
        how="both counts, cut and rounded to the digits printed",
        expected="589,000s and about 70,000",
        test=_bottleneck_counts,
    ),
    Statement(
        key="bottleneck-tenfold",
        statement="The bottleneck takes almost 10 times fewer operations than that convolution.",
        source=ARTICLE,
        place="section Bottleneck layer",
        how="ratio of the counts; almost 10 is from 9 to 10",
        expected="almost 10 times",
        test=_bottleneck_tenfold,
    ),
    Statement(
        key="two-3x3",
        statement="Two 3x3 convolutions see what a 5x5 sees, for 28 % less computation.",
        source=_INCEPTION_V3,
        place="section 3.1",
        how="MACs of both at equal width, to whole percent",
        expected="28 % fewer",
        test=_two_for_five_saving,
    ),
    Statement(
        key="three-3x3",
        statement="A 7x7 convolution needs 81 % more parameters than three 3x3 that see as much.",
        source=_VGG,
        place="section 2.3",
        how="weights of both at equal width, to whole percent",
        expected="81 % more",
        test=_three_for_seven,
    ),
    Statement(
        key="1x7-7x1",
        statement="A 7x7 convolution taken apart into 1x7 and 7x1 is cheaper.",
        source=ARTICLE,
        place="section Inception V3",
        how="MACs of both at equal width",
        expected="fewer",
        test=_flat_for_seven,
    ),
    Statement(
        key="inception-reduction",
        statement="1x1 convolutions before the parallel ones save an Inception module much of its "
        "computation.",
        source=ARTICLE,
        place="section Bottleneck layer",
        how="GoogLeNet's module 3a with and without them; much is half or more",
        expected="large savings",
        test=_inception_reduction,
    ),
    Statement(
        key="grid-reduction",
        statement="Convolving with stride in parallel with pooling is cheaper than one after the "
        "other.",
        source=_INCEPTION_V3,
        place="section 5",
        how="35 x 35 x 320 to 17 x 17 x 640 in each of the three ways",
        expected="fewer MACs than either order",
        test=_grid,
    ),
    Statement(
        key="bottleneck-equal-width",
        statement="ResNet's bottleneck keeps computation low at many features.",
        source=ARTICLE,
        place="section ResNet",
        how="one block on 256 features against two plain 3x3 convolutions on 256",
        expected="fewer MACs",
        test=_bottleneck_equal_width,
    ),
    Statement(
        key="bottleneck-similar",
        statement="A bottleneck on 256 features costs about what a plain block on 64 costs.",
        source=_RESNET,
        place="Figure 5",
        how="MACs of both; about is within 10 %",
        expected="similar",
        test=_bottleneck_similar,
    ),
    Statement(
        key="fire",
        statement="A fire module does the work of a plain 3x3 convolution for less.",
        source=_SQUEEZENET,
        place="section 3",
        how="SqueezeNet's fire2 against one 3x3 convolution of the same width",
        expected="fewer MACs",
        test=_fire,
    ),
    Statement(
        key="separable",
        statement="A separable 3x3 convolution is cheaper than a plain one.",
        source=ARTICLE,
        place="section Xception",
        how="both on 256 features at one position",
        expected="fewer MACs",
        test=_separable,
    ),
)
