"""The module study against layer tables written out by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product

import pytest
import torch
from torch import nn

from opbench.architectures.caffenet128 import (
    ARCHITECTURES,
    VARIANTS,
    Maxout,
    MaxPlusAveragePool,
    PyramidPool,
    ScaledTanh,
)
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}


@dataclass
class Table:
    """What a variant is, as the study's own files print it: sides of the maps and widths."""

    sides: tuple[int, int, int, int] = (30, 15, 7, 3)  # conv1, conv2, conv3 to 5, what fc6 sees
    widths: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    units: int = 2048
    groups: int = 2
    conv_pieces: int = 1
    fc_pieces: int = 1
    extra: tuple[int, int] = (0, 0)  # params, MACs
    fc_positions: int = 1
    conv5_side: int | None = None
    bins: int | None = None  # of the pyramid that fc6 sees in the place of a map
    layers: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        w1, w2, w3, w4, w5 = self.widths
        s1, s2, s3, last = self.sides
        s5 = self.conv5_side or s3
        g, u = self.groups, self.units
        convs = [
            (11 * 11 * 3, w1, s1),
            (5 * 5 * w1 // g, w2, s2),
            (3 * 3 * w2, w3, s3),
            (3 * 3 * w3 // g, w4, s3),
            (3 * 3 * w4 // g, w5, s5),
        ]
        fc6 = (self.bins or last * last) * w5
        positions = self.fc_positions
        # (params, MACs) of each layer: a dot product and a bias for each output channel
        self.layers = [
            (self.conv_pieces * (dot + 1) * width, self.conv_pieces * dot * width * side**2)
            for dot, width, side in convs
        ]
        self.layers += [
            (self.fc_pieces * (dot + 1) * u, self.fc_pieces * dot * u * positions)
            for dot in (fc6, u)
        ]
        self.layers.append(((u + 1) * 1000, u * 1000 * positions))
        self.layers.append(self.extra)

    @property
    def counts(self) -> tuple[int, int]:
        return sum(params for params, _ in self.layers), sum(macs for _, macs in self.layers)


NARROW = (68, 182, 272, 272, 172)
SLOPES = (96 + 256 + 384 + 384 + 256 + 2048 + 2048, 0)
COLOUR = (4 * 10 + 11 * 3, 128**2 * (3 * 10 + 10 * 3))
TABLES = {
    "": Table(),
    "_lrn": Table(),
    "_nogroups": Table(groups=1),
    "_tanh": Table(),
    "_scaled_tanh": Table(),
    "_vlrelu": Table(),
    "_rrelu": Table(),
    "_prelu": Table(extra=SLOPES),
    "_elu": Table(),
    "_selu": Table(),
    "_maxout": Table(conv_pieces=2, fc_pieces=2),
    "_maxout_narrow": Table(conv_pieces=2, fc_pieces=2, widths=NARROW, units=1448),
    "_elu_maxout": Table(fc_pieces=2, units=1448),
    "_avg_pool": Table(),
    "_avgmax_pool": Table(),
    "_no_pool": Table(sides=(30, 15, 8, 4), conv5_side=4),
    "_pool2x2": Table(sides=(30, 15, 8, 4)),
    "_pool3x3_pad1": Table(sides=(30, 16, 9, 5)),
    "_colorspace": Table(extra=COLOUR),
    "_bn": Table(),
    "_bn_before": Table(),
    "_bn_elu": Table(),
    "_bn_prelu": Table(extra=SLOPES),
    "_bn_dropout20": Table(),
    "_spp3": Table(bins=1 + 4 + 16),
    "_conv_classifier": Table(fc_positions=9),
    "_fc4096": Table(units=4096),
    "_width_2x": Table(widths=(192, 512, 768, 768, 512), units=4096),
    "_width_half": Table(widths=(48, 128, 192, 192, 128), units=1024),
    "_all": Table(bins=1 + 4 + 16, extra=COLOUR),
}


def test_every_variant_has_a_table() -> None:
    assert TABLES.keys() == VARIANTS.keys()


def test_tables_meet_the_published_sums() -> None:
    """Sums that were derived from the authors' files before this code was written."""
    assert TABLES[""].counts == (13_300_072, 208_986_240)
    assert TABLES["_nogroups"].counts == (14_713_192, 332_296_320)
    assert TABLES["_maxout"].counts == (24_551_144, 415_924_480)


@pytest.mark.parametrize("suffix", TABLES)
def test_counts_are_the_sums_of_the_layer_table(suffix: str) -> None:
    spec = SPECS["caffenet128" + suffix]
    counted = build_and_count(spec.build, spec.input_size)
    assert (counted.params, counted.macs) == TABLES[suffix].counts


@pytest.mark.parametrize("suffix", TABLES)
def test_the_last_map_has_the_side_that_the_study_prints(suffix: str) -> None:
    with torch.device("meta"):
        network = SPECS["caffenet128" + suffix].build().eval()
        maps = network.features(torch.empty(1, 3, 128, 128))
    table = TABLES[suffix]
    assert maps.shape[2:] == ((table.bins, 1) if table.bins else (table.sides[3],) * 2)


def kinds(suffix: str) -> list[str]:
    with torch.device("meta"):
        network = SPECS["caffenet128" + suffix].build()
    return [type(m).__name__ for m in (*network.features, *network.classifier)]


def test_batch_norm_comes_after_the_non_linearity_or_before_it() -> None:
    assert kinds("_bn")[:4] == ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"]
    assert kinds("_bn")[-6:] == ["Dropout", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"]
    assert kinds("_bn_before")[:4] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert kinds("_bn").count("BatchNorm2d") == 5
    assert kinds("_bn").count("BatchNorm1d") == 2


def test_response_normalisation_follows_the_first_two_pools() -> None:
    layers = kinds("_lrn")
    assert [layers[i - 1] for i, kind in enumerate(layers) if kind == "LocalResponseNorm"] == [
        "MaxPool2d"
    ] * 2


def test_maxout_takes_the_larger_of_two_layers() -> None:
    first, second = nn.Linear(3, 4), nn.Linear(3, 4)
    x = torch.randn(5, 3)
    stacked = torch.stack((first(x), second(x)))
    assert torch.equal(Maxout(first, second)(x), stacked.amax(dim=0))


def test_only_the_classifier_has_maxout_where_convolutions_have_elu() -> None:
    layers = kinds("_elu_maxout")
    assert layers.count("Maxout") == 2
    assert layers.count("ELU") == 5
    assert kinds("_maxout").count("Maxout") == 7
    assert "ReLU" not in kinds("_maxout")


def test_mixed_pooling_adds_maximum_and_mean_of_each_window() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert MaxPlusAveragePool()(x).item() == 8 + 4


def test_ceil_mode_averages_only_over_the_pixels_that_are_there() -> None:
    """Caffe's rule: a window that runs over the edge is divided by what it covers."""
    x = torch.ones(1, 1, 4, 4)
    assert torch.equal(MaxPlusAveragePool()(x), torch.full((1, 1, 2, 2), 2.0))


def bins_of_caffe(side: int, levels: int) -> list[tuple[slice, slice]]:
    """The windows of Caffe's SPP layer: 2**level to a side, padding shared out before the map."""
    windows = []
    for level in range(levels):
        bins = 2**level
        size = math.ceil(side / bins)
        before = (size * bins - side + 1) // 2
        cuts = [slice(max(0, i * size - before), (i + 1) * size - before) for i in range(bins)]
        windows += list(product(cuts, cuts))
    return windows


def test_the_pyramid_pools_the_bins_of_caffe() -> None:
    x = torch.rand(2, 3, 7, 7)
    windows = bins_of_caffe(7, 3)
    largest = [x[:, :, down, across].amax((2, 3)) for down, across in windows]
    assert len(largest) == 1 + 4 + 16
    assert torch.equal(PyramidPool(nn.MaxPool2d)(x).squeeze(3), torch.stack(largest, 2))
    size = {0: 7, 1: 4, 5: 2}  # by the first bin of each level; Caffe divides by the whole window
    divisors = [size[max(first for first in size if first <= i)] ** 2 for i in range(21)]
    means = [
        x[:, :, down, across].sum((2, 3)) / divisor
        for (down, across), divisor in zip(windows, divisors, strict=True)
    ]
    torch.testing.assert_close(PyramidPool(nn.AvgPool2d)(x).squeeze(3), torch.stack(means, 2))


def test_all_recommendations_together_are_those_of_the_single_rows() -> None:
    layers = kinds("_all")
    assert layers.count("ELU") == 7
    assert layers.count("MaxPlusAveragePool") == 3
    with torch.device("meta"):
        network = SPECS["caffenet128_all"].build()
    poolings = [m for m in network.features if isinstance(m, MaxPlusAveragePool)]
    assert [type(m.max).__name__ for m in poolings] == ["MaxPool2d", "MaxPool2d", "PyramidPool"]
    assert isinstance(network.colour, nn.Sequential)


def test_scaled_activations_have_the_scales_of_the_authors_files() -> None:
    x = torch.linspace(-30, 30, 61)
    assert ScaledTanh()(x)[-1].item() == pytest.approx(1.759)
    near = torch.tensor(1e-4)
    assert (ScaledTanh()(near) / near).item() == pytest.approx(1.759 * 2 / 3, rel=1e-5)
    selu = 1.0507009873554805 * nn.functional.elu(x, alpha=1.6732632423543772)
    torch.testing.assert_close(nn.SELU()(x), selu)
    assert kinds("_selu").count("SELU") == kinds("_scaled_tanh").count("ScaledTanh") == 7


def test_dropout_is_a_fifth_where_the_row_says_so() -> None:
    for suffix, share in (("_bn", 0.5), ("_bn_dropout20", 0.2)):
        network = SPECS["caffenet128" + suffix].build()
        assert [m.p for m in network.classifier if isinstance(m, nn.Dropout)] == [share] * 2
    assert kinds("_bn_dropout20") == kinds("_bn")


def test_convolutional_classifier_averages_its_predictions() -> None:
    torch.manual_seed(0)
    network = SPECS["caffenet128_conv_classifier"].build().eval()
    with torch.inference_mode():
        maps = network.features(torch.randn(1, 3, 128, 128))
        predictions = network.classifier[:-2](maps)
        logits = network.classifier(maps)
    assert predictions.shape == (1, 1000, 3, 3)
    torch.testing.assert_close(logits, predictions.mean(dim=(2, 3)))


# What a variant is said to change, by the fields in which it is not the baseline.
CHOICES = {
    "activation": "activation function",
    "maxout": "activation function",
    "norm": "normalisation",
    "pool": "pooling",
    "pyramid": "pooling",
    "positions": "pooling",
    "units": "classifier",
    "convolutional_classifier": "classifier",
    "colour_transform": "colour space",
    "widths": "width",
    "groups": "groups",
    "dropout": "dropout",
}


@pytest.mark.parametrize("suffix", VARIANTS)
def test_a_variant_names_every_choice_that_it_changes(suffix: str) -> None:
    variant, base = VARIANTS[suffix], VARIANTS[""]
    changed = {
        choice for name, choice in CHOICES.items() if getattr(variant, name) != getattr(base, name)
    }
    if "width" in changed:  # of the classifier too
        changed.remove("classifier")
    assert set(variant.changes) == changed
    assert SPECS["caffenet128" + suffix].changes == variant.changes
