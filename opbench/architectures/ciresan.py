"""Ciresan's multilayer perceptrons: deep, big, simple nets for MNIST.

Reference:
    D. C. Ciresan, U. Meier, L. M. Gambardella, J. Schmidhuber.  "Deep Big Simple Neural Nets
    Excel on Handwritten Digit Recognition."  Neural Computation 22(12), 2010.
    arXiv:1003.0358, Table 1.

One image is 29 x 29 = 841 pixels; units after each layer, 1.7159 tanh(0.6666 a) in the hidden ones:

    ciresan_mlp          841  2500  2000  1500  1000   500    10
    ciresan_mlp_9x1000   841  1000  1000  1000  1000  1000  1000  1000  1000  1000    10

Departures:
    * Logits are the weighted sums of the last layer; whatever the output units make of them, it
      rises with them and leaves the ranking alone.
    * The 28 x 28 digits of MNIST need one more row and column to make 29 x 29.  Padding them is
      left to whoever loads the data; only a 29 x 29 input gives the paper's number of weights.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue


class ScaledTanh(nn.Module):
    """1.7159 tanh(0.6666 a)."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(0.6666 * x)


class MultilayerPerceptron(nn.Module):
    """Fully connected layers of ``widths`` units between the pixels and ten classes."""

    def __init__(self, widths: tuple[int, ...], classes: int = 10) -> None:
        super().__init__()
        self.hidden = nn.Sequential()
        for number, (fan_in, fan_out) in enumerate(pairwise((29 * 29, *widths)), start=1):
            self.hidden.add_module(f"fc{number}", nn.Linear(fan_in, fan_out))
            self.hidden.add_module(f"tanh{number}", ScaledTanh())
        self.output = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.hidden(images.flatten(1))  # N x widths[-1]
        logits: Tensor = self.output(x)  # N x classes
        return logits


_PAPER = Paper(
    authors="D. C. Ciresan, U. Meier, L. M. Gambardella, J. Schmidhuber",
    title="Deep Big Simple Neural Nets Excel on Handwritten Digit Recognition",
    venue="Neural Computation 22(12)",
    year=2010,
    url="https://arxiv.org/abs/1003.0358",
)


def _spec(
    name: str, label: str, widths: tuple[int, ...], millions: float, note: str
) -> ArchitectureSpec:
    return ArchitectureSpec(
        name=name,
        label=label,
        family="ciresan",
        year=2010,
        paper=_PAPER,
        build=partial(MultilayerPerceptron, widths),
        input_size=(1, 29, 29),
        dataset="mnist",
        stated=(
            StatedValue(
                quantity="params",
                value=millions * 1e6,
                # The table cuts decimals off: 12,115,010 stands there as 12.11 million.
                tolerance=0.01 / millions,
                place="Table 1",
            ),
        ),
        note=note,
    )


ARCHITECTURES = (
    _spec(
        "ciresan_mlp",
        "Ciresan MLP",
        (2500, 2000, 1500, 1000, 500),
        12.11,
        "The best single net of the paper: 0.35 % error on MNIST.",
    ),
    _spec(
        "ciresan_mlp_9x1000",
        "Ciresan MLP 9x1000",
        (1000,) * 9,
        8.86,
        "The deepest net of the paper: nine hidden layers.",
    ),
)
