"""LeNet-5: the convolutional network that read handwritten digits.

Reference:
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner.  "Gradient-Based Learning Applied to Document
    Recognition."  Proceedings of the IEEE 86(11), 1998.  Section II.B, Table I, Figure 2.

One image, shapes after each row; f(a) = 1.7159 tanh(2a / 3) follows every layer up to F6:

    layer   what it does                                shape          trainable
    input   a digit of 28 x 28, centred                 1 x 32 x 32
    C1      convolution 5x5                             6 x 28 x 28          156
    S2      sum of 2x2, times a coefficient, plus bias  6 x 14 x 14           12
    C3      convolution 5x5 of 3, 4 or 6 chosen maps   16 x 10 x 10        1,516
    S4      as S2                                      16 x  5 x  5           32
    C5      convolution 5x5, all maps                 120 x  1 x  1       48,120
    F6      fully connected                            84                 10,164
    output  squared distance to ten fixed codes        10                      0

Departures:
    * The paper's output is the squared distance to each class's code, smallest for the best
      class.  Here it is negated, so that the largest logit wins as everywhere else.
    * The codes are 7 x 12 bitmaps of +1 and -1, drawn by hand.  The paper shows its own, chosen
      from a printable ASCII set, as a figure only; these ten digits are ours.
    * Weights start as PyTorch draws them, not uniformly within 2.4 / fan-in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opbench.spec import ArchitectureSpec, Paper, StatedValue

# Table I, read by columns: the maps of S2 that each map of C3 sees.
C3_TABLE: tuple[tuple[int, ...], ...] = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)

# The digits 0 to 9 side by side, each 7 wide and 12 tall; # is +1 and . is -1.
_BITMAPS = """
..###.. ...#... .#####. .#####. ....##. ####### ..####. ####### ..###.. .#####.
.##.##. ..##... ##...## ##...## ...###. ##..... .##..## ##...## .##.##. ##...##
##...## .###... ##...## .....## ..####. ##..... ##..... .....## ##...## ##...##
##...## #.##... .....## .....## ..#.##. ##..... ##..... ....##. ##...## ##...##
##...## ..##... .....## ....##. .##.##. #####.. ##.###. ....##. .##.##. ##...##
##...## ..##... ....##. ..####. .#..##. ##..##. ###..## ...##.. ..###.. .##..##
##...## ..##... ...##.. ....##. ##..##. .....## ##...## ...##.. .##.##. ..###.#
##...## ..##... ..##... .....## ####### .....## ##...## ..##... ##...## .....##
##...## ..##... .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ..##... ##..... .....## ....##. ##...## ##...## .##.... ##...## .....##
.##.##. ..##... ##..... ##...## ....##. ##..##. .##.##. .##.... .##.##. ##..##.
..###.. ####### ####### .#####. ....##. .####.. ..###.. .##.... ..###.. .####..
"""


class Squash(nn.Module):
    """f(a) = 1.7159 tanh(2a / 3), which maps +1 to +1 and -1 to -1 (Appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


class Subsample(nn.Module):
    """Sum of each 2x2 square, times one trainable coefficient a map, plus one bias a map."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((maps, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        total = F.avg_pool2d(x, 2, divisor_override=1)  # N x maps x H/2 x W/2
        return total * self.coefficient + self.bias


class ChosenMaps(nn.Module):
    """One 5x5 convolution for each of ``rows``, over the input maps that the row lists.

    Rows of one length run as one grouped convolution over the maps gathered for them, so that
    nothing is multiplied by a weight that is not there.
    """

    sources: Tensor

    def __init__(self, rows: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        sources = [source for row in rows for source in row]
        self.register_buffer("sources", torch.tensor(sources), persistent=False)
        self.conv = nn.Conv2d(len(sources), len(rows), 5, groups=len(rows))

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.conv(x.index_select(1, self.sources))  # N x len(rows) x H-4 x W-4
        return maps


class SparseConvolution(nn.Module):
    """C3: the columns of Table I with three, with four and with six maps."""

    def __init__(self) -> None:
        super().__init__()
        self.threes = ChosenMaps(C3_TABLE[:6])
        self.fours = ChosenMaps(C3_TABLE[6:15])
        self.sixes = ChosenMaps(C3_TABLE[15:])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.threes(x), self.fours(x), self.sixes(x)], dim=1)  # N x 16 x 10 x 10


class RadialBasis(nn.Module):
    """Minus the squared Euclidean distance to the fixed code of each class.

    Differences, squares and a sum: no weight is multiplied with an input, so no dot product.
    """

    codes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("codes", digit_codes())

    def forward(self, x: Tensor) -> Tensor:
        return -(x.unsqueeze(1) - self.codes).square().sum(dim=2)  # N x 10


def digit_codes() -> Tensor:
    """The ten codes, 10 x 84, each a 7 x 12 bitmap read row by row as +1 and -1."""
    rows = [line.split() for line in _BITMAPS.split("\n") if line]
    digits = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if dot == "#" else -1.0 for dot in digit] for digit in digits])


class LeNet5(nn.Module):
    """The network of Figure 2."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = Subsample(6)
        self.c3 = SparseConvolution()
        self.s4 = Subsample(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = RadialBasis()
        self.squash = Squash()

    def forward(self, images: Tensor) -> Tensor:
        x = self.squash(self.c1(images))  # N x 6 x 28 x 28
        x = self.squash(self.s2(x))  # N x 6 x 14 x 14
        x = self.squash(self.c3(x))  # N x 16 x 10 x 10
        x = self.squash(self.s4(x))  # N x 16 x 5 x 5
        x = self.squash(self.c5(x))  # N x 120 x 1 x 1
        x = self.squash(self.f6(x.flatten(1)))  # N x 84
        logits: Tensor = self.output(x)  # N x 10
        return logits


ARCHITECTURES = (
    ArchitectureSpec(
        name="lenet5",
        label="LeNet-5",
        family="lenet",
        year=1998,
        paper=Paper(
            authors="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner",
            title="Gradient-Based Learning Applied to Document Recognition",
            venue="Proceedings of the IEEE 86(11)",
            year=1998,
            url="https://doi.org/10.1109/5.726791",
        ),
        build=LeNet5,
        input_size=(1, 32, 32),
        dataset="mnist",
        stated=(
            StatedValue(quantity="params", value=60_000, tolerance=0.0, place="Section II.B"),
            StatedValue(
                quantity="connections",
                value=340_908,
                tolerance=0.0,
                place="Section II.B",
                disagreement=(
                    "332,188 by the rule used here; the paper also counts the four inputs and the "
                    "bias of every subsampling unit (5,880 + 2,000) and the 840 inputs of the "
                    "output units, none of which is a dot product with weights or its bias"
                ),
            ),
        ),
    ),
)
