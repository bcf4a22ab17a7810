"""Recurrent layers: elements of the weight matrices, for every step that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .case import Case, Wraps, normal
from .loops import Array, Loops, array


def _first(layer: Any, x: Tensor) -> Tensor:
    """The outputs of a recurrent layer, without its last state."""
    return layer(x)[0]


class _Packed(nn.Module):
    """Sequences of different lengths."""

    def __init__(self, layer: nn.Module, lengths: tuple[int, ...]) -> None:
        super().__init__()
        self.layer, self.lengths = layer, lengths

    def forward(self, x: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            x, torch.tensor(self.lengths), batch_first=True, enforce_sorted=False
        )
        return pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0]


def _step(layer: Any, x: Tensor) -> Tensor:
    """One step of a cell, from a zero state."""
    state = layer(x)
    return state[0] if isinstance(state, tuple) else state


class _Unrolled(nn.Module):
    """A loop over the steps of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[0], 5)
        for step in x.unbind(1):
            state = self.cell(step, state)
        return state


def layer(
    idea: str, build: Callable[[], nn.Module], macs: int, *, batch_first: bool = True
) -> Case:
    """A case of one layer on 2 sequences of 3 steps of 4 numbers."""

    def perform(do: Loops, net: Any, x: Tensor) -> Array:
        out = do.recurrent(net.layer, x if batch_first else x.transpose(0, 1))
        return out if batch_first else out.swapaxes(0, 1)

    size = (2, 3, 4) if batch_first else (3, 2, 4)
    return Case(
        idea=idea,
        build=lambda: Wraps(build(), _first),
        inputs=normal(size),
        macs=macs,
        perform=perform,
    )


def packed(idea: str, build: Callable[[], nn.Module], macs: int) -> Case:
    """The same on sequences of 3, 1 and 2 steps."""
    lengths = (3, 1, 2)
    return Case(
        idea=idea,
        build=lambda: _Packed(build(), lengths),
        inputs=normal((3, 3, 4)),
        macs=macs,
        perform=lambda do, net, x: do.recurrent(net.layer, x, lengths),
    )


def cell(idea: str, build: Callable[[], nn.Module], mode: str, macs: int) -> Case:
    """One cell on 2 inputs of 4 numbers."""

    def perform(do: Loops, net: Any, x: Tensor) -> Array:
        w = net.layer
        biases = (w.bias_ih, w.bias_hh) if w.bias else (None, None)
        return do.cell(mode, x, None, np.zeros((2, 5)), w.weight_ih, w.weight_hh, *biases)[0]

    return Case(
        idea=idea,
        build=lambda: Wraps(build(), _step),
        inputs=normal((2, 4)),
        macs=macs,
        perform=perform,
    )


def _unrolled(do: Loops, net: Any, x: Tensor) -> Array:
    w, state = net.cell, None
    for step in array(x).swapaxes(0, 1):
        state, _ = do.cell("GRU", step, state, None, w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh)
    return state


# 2 sequences of 3 steps: 6 steps in all; inputs of 4, states of 5.
RECURRENT = (
    layer(
        "LSTM: four gates",
        lambda: nn.LSTM(4, 5, batch_first=True),
        6 * 4 * (5 * 4 + 5 * 5),
    ),
    layer(
        "LSTM without bias",
        lambda: nn.LSTM(4, 5, bias=False, batch_first=True),
        6 * 4 * (5 * 4 + 5 * 5),
    ),
    layer(
        "LSTM that is not batch first",
        lambda: nn.LSTM(4, 5),
        6 * 4 * (5 * 4 + 5 * 5),
        batch_first=False,
    ),
    layer(
        "LSTM of two layers",
        lambda: nn.LSTM(4, 5, num_layers=2, batch_first=True),
        6 * 4 * ((5 * 4 + 5 * 5) + (5 * 5 + 5 * 5)),
    ),
    layer(
        "LSTM in both directions",
        lambda: nn.LSTM(4, 5, bidirectional=True, batch_first=True),
        6 * 2 * 4 * (5 * 4 + 5 * 5),
    ),
    layer(
        "LSTM with projections: the state has 3 numbers",
        lambda: nn.LSTM(4, 5, proj_size=3, batch_first=True),
        6 * (4 * (5 * 4 + 5 * 3) + 3 * 5),
    ),
    layer(
        "LSTM of two layers in both directions with projections",
        lambda: nn.LSTM(4, 5, 2, bidirectional=True, proj_size=3, batch_first=True),
        6 * 2 * (4 * (5 * 4 + 5 * 3) + 3 * 5) + 6 * 2 * (4 * (5 * 6 + 5 * 3) + 3 * 5),
    ),
    layer(
        "GRU: three gates",
        lambda: nn.GRU(4, 5, batch_first=True),
        6 * 3 * (5 * 4 + 5 * 5),
    ),
    layer(
        "GRU of two layers in both directions",
        lambda: nn.GRU(4, 5, 2, bidirectional=True, batch_first=True),
        6 * 2 * 3 * (5 * 4 + 5 * 5) + 6 * 2 * 3 * (5 * 10 + 5 * 5),
    ),
    layer("RNN with tanh", lambda: nn.RNN(4, 5, batch_first=True), 6 * (5 * 4 + 5 * 5)),
    layer(
        "RNN with ReLU, without bias",
        lambda: nn.RNN(4, 5, nonlinearity="relu", bias=False, batch_first=True),
        6 * (5 * 4 + 5 * 5),
    ),
    Case(
        idea="LSTM on one sequence without a batch axis",
        build=lambda: Wraps(nn.LSTM(4, 5), _first),
        inputs=normal((3, 4)),
        macs=3 * 4 * (5 * 4 + 5 * 5),
        perform=lambda do, net, x: do.recurrent(net.layer, x[None])[0],
    ),
    packed(
        "packed LSTM: only real steps run",
        lambda: nn.LSTM(4, 5, batch_first=True),
        (3 + 1 + 2) * 4 * (5 * 4 + 5 * 5),
    ),
    packed(
        "packed GRU in both directions",
        lambda: nn.GRU(4, 5, bidirectional=True, batch_first=True),
        (3 + 1 + 2) * 2 * 3 * (5 * 4 + 5 * 5),
    ),
    packed(
        "packed RNN of two layers",
        lambda: nn.RNN(4, 5, 2, batch_first=True),
        (3 + 1 + 2) * ((5 * 4 + 5 * 5) + (5 * 5 + 5 * 5)),
    ),
    cell("LSTM cell", lambda: nn.LSTMCell(4, 5), "LSTM", 2 * 4 * (5 * 4 + 5 * 5)),
    cell("GRU cell", lambda: nn.GRUCell(4, 5), "GRU", 2 * 3 * (5 * 4 + 5 * 5)),
    cell("RNN cell", lambda: nn.RNNCell(4, 5), "RNN_TANH", 2 * (5 * 4 + 5 * 5)),
    cell(
        "RNN cell with ReLU, without bias",
        lambda: nn.RNNCell(4, 5, bias=False, nonlinearity="relu"),
        "RNN_RELU",
        2 * (5 * 4 + 5 * 5),
    ),
    Case(
        idea="a loop over a GRU cell",
        build=_Unrolled,
        inputs=normal((2, 3, 4)),
        macs=6 * 3 * (5 * 4 + 5 * 5),
        perform=_unrolled,
    ),
)
