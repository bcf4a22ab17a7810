"""FractalNet: deep columns and shallow ones side by side, without residual connections.

Reference:
    G. Larsson, M. Maire, G. Shakhnarovich.  "FractalNet: Ultra-Deep Neural Networks without
    Residuals."  ICLR 2017.  arXiv:1605.07648, Sections 3 and 4.1.

The expansion rule: ``f_1(x) = conv(x)`` and ``f_{C+1}(x) = join(conv(x), f_C(f_C(x)))``, joins that
meet being merged.  With three columns a block holds seven convolutions:

    input ─┬─ conv ──────────────────────────────────┐
           ├─ conv ───────────┬─ join ─┬─ conv ──────┤
           └─ conv ── conv ───┘        └─ conv ─ conv┴─ pool 2x2 / 2 ── join ── next block

One image, shapes after each row; conv is 3x3, dropout, batch norm, ReLU; a join is a mean:

    block   columns   output of the block   dropout   convolutions
    1       3          64 x 16^2            0 %        3 of    3 to  64,  4 of  64 to  64
    2       3         128 x  8^2            10 %       3 of   64 to 128,  4 of 128 to 128
    3       3         256 x  4^2            20 %       3 of  128 to 256,  4 of 256 to 256
    4       3         512 x  2^2            30 %       3 of  256 to 512,  4 of 512 to 512
    5       3         512 x  1^2            40 %       7 of  512 to 512
    head    10        linear

Drop-path, while training: with probability one half a forward pass keeps a single column in every
join (global); otherwise every join drops each of its inputs with probability 0.15, but never all
of them (local).  A join averages what is left.  The columns are pooled before the last join of a
block, so that a single column runs through the whole network.

Departures:
    * The paper does not say where in a convolutional unit dropout stands: before batch norm, as in
      the generator that the authors released.
    * Batch norm has scale and shift and the convolutions have no bias.  The released generator has
      it the other way round, one parameter a channel less: 33,714,314 in all.
    * Local or global, and the column, are drawn once for a forward pass, not for each image.
    * Paths that are dropped are computed all the same.
    * Weights have torch's default initialisation, not Xavier's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue

LOCAL_DROP = 0.15
GLOBAL_SHARE = 0.5


class Join(nn.Module):
    """Element-wise mean of several columns, ordered from the shallowest to the deepest."""

    def forward(self, columns: Sequence[Tensor], chosen: int | None) -> Tensor:
        if self.training:
            columns = [columns[index] for index in surviving(len(columns), chosen)]
        if len(columns) == 1:
            return columns[0]
        return reduce(torch.add, columns) / len(columns)


def surviving(count: int, chosen: int | None) -> list[int]:
    """Draw which of ``count`` columns a join keeps: never none.

    ``chosen`` is the one column of global drop-path, 0 being the deepest.  A join that this
    column does not run through keeps all its inputs: what it yields is dropped further on.
    ``None`` means local drop-path, drawn from torch's generator of the CPU.
    """
    if chosen is not None:
        return [count - 1 - chosen] if chosen < count else list(range(count))
    draws = torch.rand(count, device="cpu").tolist()
    kept = [index for index, draw in enumerate(draws) if draw >= LOCAL_DROP]
    return kept or [int(torch.randint(count, (), device="cpu"))]


def draw_column(columns: int) -> int | None:
    """The column of global drop-path, or ``None`` when this forward pass drops locally."""
    if float(torch.rand((), device="cpu")) >= GLOBAL_SHARE:
        return None
    return int(torch.randint(columns, (), device="cpu"))


def conv_unit(in_channels: int, out_channels: int, dropout: float) -> nn.Sequential:
    """3x3 convolution, dropout, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.Dropout(dropout),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class Fractal(nn.Module):
    """The expansion rule without its last join: a list of ``columns`` outputs, deepest last."""

    def __init__(self, columns: int, in_channels: int, out_channels: int, dropout: float) -> None:
        super().__init__()
        self.shallow = conv_unit(in_channels, out_channels, dropout)
        self.first: Fractal | None = None
        if columns > 1:
            self.first = Fractal(columns - 1, in_channels, out_channels, dropout)
            self.join = Join()
            self.second = Fractal(columns - 1, out_channels, out_channels, dropout)

    def forward(self, x: Tensor, chosen: int | None) -> list[Tensor]:
        outputs: list[Tensor] = [self.shallow(x)]
        if self.first is not None:
            middle = self.join(self.first(x, chosen), chosen)
            outputs += self.second(middle, chosen)
        return outputs


class Block(nn.Module):
    """A fractal whose columns are pooled and then joined."""

    def __init__(self, columns: int, in_channels: int, out_channels: int, dropout: float) -> None:
        super().__init__()
        self.fractal = Fractal(columns, in_channels, out_channels, dropout)
        self.pool = nn.MaxPool2d(2)
        self.join = Join()

    def forward(self, x: Tensor, chosen: int | None) -> Tensor:
        pooled = [self.pool(column) for column in self.fractal(x, chosen)]
        joined: Tensor = self.join(pooled, chosen)
        return joined


class FractalNet(nn.Module):
    """Blocks of ``columns`` columns, one for each width, for images of 32 x 32."""

    def __init__(
        self,
        *,
        columns: int = 3,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        dropouts: Sequence[float] = (0.0, 0.1, 0.2, 0.3, 0.4),
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.columns = columns
        in_widths = (3, *widths[:-1])
        self.blocks = nn.ModuleList(
            Block(columns, in_width, width, dropout)
            for in_width, width, dropout in zip(in_widths, widths, dropouts, strict=True)
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        chosen = draw_column(self.columns) if self.training else None
        x = images
        for block in self.blocks:
            x = block(x, chosen)  # N x 64 x 16 x 16, ..., N x 512 x 1 x 1
        logits: Tensor = self.head(x.flatten(1))  # N x classes
        return logits


_PAPER = Paper(
    authors="G. Larsson, M. Maire, G. Shakhnarovich",
    title="FractalNet: Ultra-Deep Neural Networks without Residuals",
    venue="ICLR 2017",
    year=2016,
    url="https://arxiv.org/abs/1605.07648",
)

ARCHITECTURES = (
    ArchitectureSpec(
        name="fractalnet_cifar",
        label="FractalNet-20",
        family="fractalnet",
        year=2016,
        paper=_PAPER,
        build=FractalNet,
        input_size=(3, 32, 32),
        dataset="cifar10",
        stated=(
            StatedValue(
                quantity="params",
                value=38.6e6,
                printed=False,
                tolerance=0.05 / 38.6,
                place="not in this paper; Table 2 of arXiv:1608.06993 (DenseNet) prints it",
                disagreement="the released generator has 33,698,880 convolution weights, and its "
                "rule with 16 to 128 filters meets the 0.3 to 21.1 M that the FractalNet paper "
                "prints for its thin networks of 5 to 160 layers; no reading that gives 38.6 M is "
                "known",
            ),
        ),
        note="5 blocks of 3 columns, 20 convolutions on the longest path.",
    ),
)
