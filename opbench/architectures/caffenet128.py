"""CaffeNet128: one small network, changed in one respect at a time.

Reference:
    D. Mishkin, N. Sergievskiy, J. Matas.  "Systematic Evaluation of Convolution Neural Network
    Advances on the ImageNet."  Computer Vision and Image Understanding, 2017.  arXiv:1606.02228.
    Definitions and accuracies: the authors' repository, ducha-aiki/caffenet-benchmark.

The baseline is Caffe's AlexNet without response normalisation, for 128 x 128 images and with half
the units in its fully connected layers.  One image, shapes after each row:

    conv1   11x11 / 4              96 x 30^2
    pool1    3x3  / 2, ceil        96 x 15^2
    conv2    5x5, two groups      256 x 15^2
    pool2    3x3  / 2, ceil       256 x  7^2
    conv3    3x3                  384 x  7^2
    conv4    3x3, two groups      384 x  7^2
    conv5    3x3, two groups      256 x  7^2
    pool5    3x3  / 2, ceil       256 x  3^2
    fc6     2048, dropout 0.5
    fc7     2048, dropout 0.5
    fc8     1000

ReLU follows every layer but the last.  ``VARIANTS`` says what each of the others changes; what it
does not mention is as in the baseline.

Departures:
    * Batch norm has neither scale nor shift, as in the rows of the study that are cited.
    * ``_no_pool`` strides conv2, conv3 and conv5, as the authors' file does; their table says
      conv4 where the file has conv5.
    * ``_conv_classifier`` has ELU: the study trained its convolutional classifiers with it, so the
      peer is ``caffenet128_elu`` and not the baseline.
    * Leaks and scales are those of the authors' files: 0.3 in ``_vlrelu``, 0.5 in the colour
      transform (their tables say 1/3 and VLReLU), 1/30 to 1/10 in ``_rrelu``, 1.759 times the
      tangent in ``_scaled_tanh`` (1.73 in their table).
    * ``_spp3`` and ``_all`` pool conv5 into 1, 2 x 2 and 4 x 4 bins, which is what three levels are
      in Caffe; the authors' table says 3 x 3 for the last.
    * ``_all`` is ELU, the colour transform and both kinds of pooling, in the pyramid too; what else
      its row names (Nesterov's momentum, a linear learning rate) is about training.
    * The files of ``_width_2x`` and ``_width_half`` were not available: every layer is scaled, as
      it is in the files of the study's other widths.
    * Weights have torch's default initialisation; the study's is LSUV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper

Norm = Literal["none", "response", "batch_before", "batch_after"]
Choice = Literal[
    "activation function",
    "normalisation",
    "pooling",
    "classifier",
    "colour space",
    "width",
    "groups",
    "dropout",
]
Layer = Callable[[], nn.Module]

_max_pool = partial(nn.MaxPool2d, 3, stride=2, ceil_mode=True)
_average_pool = partial(nn.AvgPool2d, 3, stride=2, ceil_mode=True)
# Kernel, stride and padding of conv1 to conv5; then which have groups, which are followed by
# pooling, and the strides where the network has none.
_CONVS = ((11, 4, 0), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))
_GROUPED = (False, True, False, True, True)
_POOLED = (True, True, False, False, True)
_STRIDES_WITHOUT_POOLING = (4, 2, 2, 1, 2)
# Size and padding of the bins that cut a map of 7 x 7 into 1, 2 x 2 and 4 x 4 without overlap.
_BINS = ((7, 0), (4, 1), (2, 1))


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of the study, and what it changes; ``changes`` names that, what is studied first.

    ``activation`` takes the number of channels; ``maxout`` says which layers have, in its place,
    the larger of two linear pieces; ``pool`` is ``None`` where convolutions are strided instead;
    ``pyramid`` takes its place after conv5; ``positions`` are those of the last map, which fc6 sees
    whole; ``dropout`` stands before fc7 and fc8.
    """

    row: str
    changes: tuple[Choice, ...] = ()
    year: int = 2016
    widths: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    units: int = 2048
    groups: int = 2
    activation: Callable[[int], nn.Module] = lambda channels: nn.ReLU(inplace=True)
    maxout: Literal["none", "classifier", "all"] = "none"
    pool: Layer | None = _max_pool
    pyramid: Layer | None = None
    positions: int = 9
    dropout: float = 0.5
    norm: Norm = "none"
    colour_transform: bool = False
    convolutional_classifier: bool = False


class Maxout(nn.Module):
    """The larger of two layers, element by element."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(self.first(x), self.second(x))


class ScaledTanh(nn.Module):
    """The hyperbolic tangent that LeCun et al. recommend, as scaled in the authors' file."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = 1.759 * torch.tanh(2 / 3 * x)
        return out


class PyramidPool(nn.Module):
    """A map in bins of three sizes, side by side, each pooled as ``pool`` does."""

    def __init__(self, pool: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(pool(size, padding=padding) for size, padding in _BINS)

    def forward(self, x: Tensor) -> Tensor:
        levels = [level(x).flatten(2) for level in self.levels]  # N x 256 x (1, 4, 16)
        return torch.cat(levels, 2).unsqueeze(3)  # N x 256 x 21 x 1


_max_pyramid = partial(PyramidPool, nn.MaxPool2d)
_average_pyramid = partial(PyramidPool, nn.AvgPool2d)


class MaxPlusAveragePool(nn.Module):
    """Sum of both kinds of pooling."""

    def __init__(self, maximum: Layer = _max_pool, average: Layer = _average_pool) -> None:
        super().__init__()
        self.max = maximum()
        self.average = average()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.max(x) + self.average(x)
        return out


class CaffeNet128(nn.Module):
    """The baseline or, with another ``variant``, one of its modifications."""

    def __init__(self, variant: Variant, classes: int = 1000) -> None:
        super().__init__()
        self.colour = _colour_transform() if variant.colour_transform else nn.Identity()
        self.features = nn.Sequential(*_features(variant))
        classifier = (
            _convolutional_classifier
            if variant.convolutional_classifier
            else _fully_connected_classifier
        )
        self.classifier = nn.Sequential(*classifier(variant, classes))

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(self.colour(images))  # N x 256 x 3 x 3
        logits: Tensor = self.classifier(x)  # N x classes
        return logits


def _colour_transform() -> nn.Module:
    """A learned colour space: RGB to 10 channels to 3, pixel by pixel."""
    return nn.Sequential(
        nn.Conv2d(3, 10, 1),
        nn.LeakyReLU(0.5, inplace=True),
        nn.Conv2d(10, 3, 1),
        nn.LeakyReLU(0.5, inplace=True),
    )


def _features(variant: Variant) -> Iterator[nn.Module]:
    """conv1 to pool5."""
    in_channels = 3
    for index, width in enumerate(variant.widths):
        kernel, stride, padding = _CONVS[index]
        if variant.pool is None:
            stride = _STRIDES_WITHOUT_POOLING[index]
        conv = partial(
            nn.Conv2d,
            in_channels,
            width,
            kernel,
            stride=stride,
            padding=padding,
            groups=variant.groups if _GROUPED[index] else 1,
        )
        yield from _unit(conv, width, variant, maxout=variant.maxout == "all", maps=True)
        pool = variant.pyramid if variant.pyramid and index == 4 else variant.pool
        if _POOLED[index] and pool is not None:
            yield pool()
            if variant.norm == "response" and index < 2:
                yield nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        in_channels = width


def _fully_connected_classifier(variant: Variant, classes: int) -> Iterator[nn.Module]:
    yield nn.Flatten()
    in_features = variant.widths[-1] * variant.positions
    for _ in ("fc6", "fc7"):
        linear = partial(nn.Linear, in_features, variant.units)
        maxout = variant.maxout != "none"
        yield from _unit(linear, variant.units, variant, maxout=maxout, maps=False)
        yield nn.Dropout(variant.dropout)
        in_features = variant.units
    yield nn.Linear(in_features, classes)


def _convolutional_classifier(variant: Variant, classes: int) -> Iterator[nn.Module]:
    """fc6 as 3x3 with zero padding, fc7 and fc8 as 1x1; the predictions are averaged."""
    in_channels = variant.widths[-1]
    for kernel in (3, 1):
        conv = partial(nn.Conv2d, in_channels, variant.units, kernel, padding=kernel // 2)
        yield from _unit(conv, variant.units, variant, maxout=False, maps=True)
        yield nn.Dropout(variant.dropout)
        in_channels = variant.units
    yield nn.Conv2d(in_channels, classes, 1)
    yield nn.AdaptiveAvgPool2d(1)
    yield nn.Flatten()


def _unit(
    layer: Layer, width: int, variant: Variant, *, maxout: bool, maps: bool
) -> Iterator[nn.Module]:
    """A layer with its non-linearity, and batch norm on the side of it that the variant says."""
    batch_norm = partial(nn.BatchNorm2d if maps else nn.BatchNorm1d, width, affine=False)
    yield Maxout(layer(), layer()) if maxout else layer()
    if variant.norm == "batch_before":
        yield batch_norm()
    if not maxout:
        yield variant.activation(width)
    if variant.norm == "batch_after":
        yield batch_norm()


def _elu(channels: int) -> nn.Module:
    return nn.ELU(inplace=True)


_ACTIVATION: tuple[Choice, ...] = ("activation function",)

# Name without its prefix: the row, in the words of the study's tables, and what it changes.
VARIANTS = {
    "": Variant("Activations: ReLU, no LRN"),
    "_lrn": Variant("Activations: ReLU, with LRN", ("normalisation",), norm="response"),
    "_nogroups": Variant("Architectures: no group conv", ("groups",), groups=1),
    "_tanh": Variant("Activations: TanH", _ACTIVATION, activation=lambda channels: nn.Tanh()),
    "_scaled_tanh": Variant(
        "Activations: 1.73TanH(2x/3)", _ACTIVATION, activation=lambda channels: ScaledTanh()
    ),
    "_vlrelu": Variant(
        "Activations: VLReLU",
        _ACTIVATION,
        activation=lambda channels: nn.LeakyReLU(0.3, inplace=True),
    ),
    "_rrelu": Variant(
        "Activations: RReLU", _ACTIVATION, activation=lambda channels: nn.RReLU(1 / 30, 1 / 10)
    ),
    "_prelu": Variant("Activations: PReLU", _ACTIVATION, activation=nn.PReLU),
    "_elu": Variant("Activations: ELU, alpha = 1", _ACTIVATION, activation=_elu),
    "_selu": Variant(
        "Activations: SELU = Scaled ELU",
        _ACTIVATION,
        activation=lambda channels: nn.SELU(inplace=True),
        year=2017,
    ),
    "_maxout": Variant("Activations: Maxout, same width", _ACTIVATION, maxout="all"),
    "_maxout_narrow": Variant(
        "Activations: Maxout, sqrt(2) narrower",
        ("activation function", "width"),
        maxout="all",
        widths=(68, 182, 272, 272, 172),
        units=1448,
    ),
    "_elu_maxout": Variant(
        "Activations: ConvELU, FCMaxout2",
        ("activation function", "classifier"),
        activation=_elu,
        maxout="classifier",
        units=1448,
    ),
    "_avg_pool": Variant("Pooling type: AvgPool", ("pooling",), pool=_average_pool),
    "_avgmax_pool": Variant("Pooling type: Max+AvgPool", ("pooling",), pool=MaxPlusAveragePool),
    "_no_pool": Variant("Pooling type: NoPool", ("pooling",), pool=None, positions=16),
    "_pool2x2": Variant(
        "Pooling window/stride: MaxPool 2x2/2",
        ("pooling",),
        pool=partial(nn.MaxPool2d, 2, stride=2, ceil_mode=True),
        positions=16,
    ),
    "_pool3x3_pad1": Variant(
        "Pooling window/stride: MaxPool 3x3/2 pad1",
        ("pooling",),
        pool=partial(_max_pool, padding=1),
        positions=25,
    ),
    "_colorspace": Variant(
        "Colorspace: RGB->10->3 VlReLU", ("colour space",), colour_transform=True
    ),
    "_bn": Variant("BN: after ReLU", ("normalisation",), norm="batch_after"),
    "_bn_before": Variant("BN: before ReLU", ("normalisation",), norm="batch_before"),
    "_bn_elu": Variant(
        "BN and activations: ELU",
        ("normalisation", "activation function"),
        norm="batch_after",
        activation=_elu,
    ),
    "_bn_prelu": Variant(
        "BN and activations: PReLU",
        ("normalisation", "activation function"),
        norm="batch_after",
        activation=nn.PReLU,
    ),
    "_bn_dropout20": Variant(
        "BN and dropout: Dropout = 0.2",
        ("normalisation", "dropout"),
        norm="batch_after",
        dropout=0.2,
    ),
    "_spp3": Variant(
        "CLF architecture: SPP3-FC-FC", ("pooling",), pyramid=_max_pyramid, positions=21
    ),
    "_conv_classifier": Variant(
        "CLF architecture: pool5pad_fc6ave_fc7as1x1fc8ave",
        ("classifier", "activation function"),
        activation=_elu,
        convolutional_classifier=True,
    ),
    "_fc4096": Variant("Architectures: CaffeNet128_4096", ("classifier",), units=4096),
    "_width_2x": Variant(
        "Network width: 2x wider", ("width",), widths=(192, 512, 768, 768, 512), units=4096
    ),
    "_width_half": Variant(
        "Network width: 2x narrower", ("width",), widths=(48, 128, 192, 192, 128), units=1024
    ),
    "_all": Variant(
        "Architectures: CaffeNet128All",
        ("activation function", "colour space", "pooling"),
        activation=_elu,
        colour_transform=True,
        pool=MaxPlusAveragePool,
        pyramid=partial(MaxPlusAveragePool, _max_pyramid, _average_pyramid),
        positions=21,
    ),
}

_PAPER = Paper(
    authors="D. Mishkin, N. Sergievskiy, J. Matas",
    title="Systematic Evaluation of Convolution Neural Network Advances on the ImageNet",
    venue="Computer Vision and Image Understanding, 2017",
    year=2016,
    url="https://arxiv.org/abs/1606.02228",
)

ARCHITECTURES = tuple(
    ArchitectureSpec(
        name="caffenet128" + suffix,
        label="CaffeNet128" + suffix.replace("_", " "),
        family="caffenet",
        year=variant.year,
        paper=_PAPER,
        build=partial(CaffeNet128, variant),
        input_size=(3, 128, 128),
        dataset="imagenet128",
        note=f"Row of the study: {variant.row}.",
        changes=variant.changes,
    )
    for suffix, variant in VARIANTS.items()
)
