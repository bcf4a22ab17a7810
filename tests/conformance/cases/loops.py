"""The oracle: operators carried out one multiplication at a time, and counted as they happen.

Nothing here looks at how opbench counts.  Every product of two factors that goes into a sum is
made in ``Loops.dot`` or ``Loops.conv_transpose``, one by one; whatever is made elsewhere with
NumPy (biases, activations, gates, means) is no dot product.  That the loops do the right thing is
shown by their results, which are compared with torch's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Array = Any


def array(value: Any) -> Array:
    """A tensor as float64 (or complex128)."""
    value = value.detach().cpu() if hasattr(value, "detach") else np.asarray(value)
    if getattr(value, "is_sparse", False):
        value = value.to_dense()
    if hasattr(value, "is_complex") and value.is_complex():
        return value.numpy().astype(np.complex128)
    return value.double().numpy() if hasattr(value, "double") else value.astype(np.float64)


class Loops:
    """Operators in loops, with a tally of multiplications."""

    def __init__(self) -> None:
        self.multiplications = 0

    def dot(self, left: Iterable[Any], right: Iterable[Any]) -> Any:
        """The sum of the products of two sequences."""
        total: Any = 0.0
        for a, b in zip(left, right, strict=True):
            total += a * b
            self.multiplications += 1
        return total

    # -- products ---------------------------------------------------------------------------

    def matmul(self, left: Any, right: Any) -> Array:
        """Matrices in the last two axes, everything before them broadcast; vectors allowed."""
        left, right = array(left), array(right)
        row, column = left.ndim == 1, right.ndim == 1
        left, right = left[None] if row else left, right[:, None] if column else right
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left = np.broadcast_to(left, batch + left.shape[-2:])
        right = np.broadcast_to(right, batch + right.shape[-2:])
        out = np.zeros((*batch, left.shape[-2], right.shape[-1]), np.result_type(left, right))
        for where in np.ndindex(*out.shape):
            *which, i, j = where
            out[where] = self.dot(
                left[(*which, i)].tolist(), right[(*which, slice(None), j)].tolist()
            )
        out = out[..., 0] if column else out
        return out[..., 0, :] if row and not column else (out[..., 0] if row else out)

    def linear(self, x: Any, weight: Any, bias: Any = None) -> Array:
        """(..., in) with weight (out, in)."""
        x, weight = array(x), array(weight)
        out = self.matmul(x.reshape(-1, x.shape[-1]), weight.T)
        out = out.reshape(*x.shape[:-1], weight.shape[0])
        return out if bias is None else out + array(bias)

    def bilinear(self, x: Any, y: Any, weight: Any, bias: Any = None) -> Array:
        """x (N, in1), y (N, in2), weight (out, in1, in2)."""
        x, y, weight = array(x), array(y), array(weight)
        out = np.zeros((len(x), len(weight)))
        for n, o in np.ndindex(*out.shape):
            pairs = [a * b for a in x[n].tolist() for b in y[n].tolist()]
            out[n, o] = self.dot(pairs, weight[o].ravel().tolist())
        return out if bias is None else out + array(bias)

    # -- convolutions -----------------------------------------------------------------------

    def conv(
        self,
        x: Any,
        weight: Any,
        bias: Any = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        mode: Any = "constant",
    ) -> Array:
        """x (N, in, ...), weight (out, in / groups, ...), any number of spatial axes."""
        x, weight = array(x), array(weight)
        kernel = weight.shape[2:]
        strides, dilations = _each(stride, kernel), _each(dilation, kernel)
        margins = _margins(padding, kernel, dilations)
        x = np.pad(x, [(0, 0), (0, 0), *margins], mode=mode)
        reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
        space = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, strides, strict=True)]
        out = np.zeros((len(x), len(weight), *space), np.result_type(x, weight))
        width, per_group = weight.shape[1], len(weight) // groups
        for where in np.ndindex(*out.shape):
            n, o, *at = where
            first = o // per_group * width
            window = tuple(
                slice(p * s, p * s + r, d)
                for p, s, r, d in zip(at, strides, reach, dilations, strict=True)
            )
            patch = x[(n, slice(first, first + width), *window)]
            out[where] = self.dot(patch.ravel().tolist(), weight[o].ravel().tolist())
        return out if bias is None else out + _per_channel(bias, len(kernel))

    def conv_transpose(
        self,
        x: Any,
        weight: Any,
        bias: Any = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Array:
        """Every input element is spread over the output; what padding asks is cropped after."""
        x, weight = array(x), array(weight)
        kernel, width = weight.shape[2:], weight.shape[1]
        strides, dilations = _each(stride, kernel), _each(dilation, kernel)
        margins, extras = _each(padding, kernel), _each(output_padding, kernel)
        space = [
            (n - 1) * s + d * (k - 1) + 1 + e
            for n, s, d, k, e in zip(x.shape[2:], strides, dilations, kernel, extras, strict=True)
        ]
        out = np.zeros((len(x), width * groups, *space))
        for n, c, *at in np.ndindex(*x.shape):
            first = c // (x.shape[1] // groups) * width
            for o, *offset in np.ndindex(*weight.shape[1:]):
                target = tuple(
                    a * s + k * d for a, s, k, d in zip(at, strides, offset, dilations, strict=True)
                )
                out[(n, first + o, *target)] += x[(n, c, *at)] * weight[(c, o, *offset)]
                self.multiplications += 1
        crop = tuple(slice(m, n - m) for m, n in zip(margins, space, strict=True))
        out = out[(slice(None), slice(None), *crop)]
        return out if bias is None else out + _per_channel(bias, len(kernel))

    # -- attention --------------------------------------------------------------------------

    def attention(self, query: Any, key: Any, value: Any, mask: Any = None) -> Array:
        """(..., L, E), (..., S, E), (..., S, Ev); ``mask`` is added to the scores."""
        query, key, value = array(query), array(key), array(value)
        scores = self.matmul(query, np.swapaxes(key, -1, -2)) / math.sqrt(query.shape[-1])
        return self.matmul(softmax(scores + (0 if mask is None else mask)), value)

    def multihead(self, net: Any, query: Any, key: Any, value: Any, mask: Any = None) -> Array:
        """``nn.MultiheadAttention``, batch first, with every option that changes its sizes."""
        q, k, v = (
            self.linear(x, weight, bias)
            for x, weight, bias in zip((query, key, value), *_projections(net), strict=True)
        )
        if net.bias_k is not None:
            k = np.concatenate([k, np.broadcast_to(array(net.bias_k), (len(k), 1, k.shape[2]))], 1)
            v = np.concatenate([v, np.broadcast_to(array(net.bias_v), (len(v), 1, v.shape[2]))], 1)
        if net.add_zero_attn:
            k, v = (np.concatenate([x, np.zeros((len(x), 1, x.shape[2]))], 1) for x in (k, v))
        queries, keys, values = (_split(x, net.num_heads) for x in (q, k, v))
        mixed = self.attention(queries, keys, values, mask)
        joined = np.swapaxes(mixed, 1, 2).reshape(q.shape)
        return self.linear(joined, net.out_proj.weight, net.out_proj.bias)

    def encoder_layer(self, net: Any, x: Any, mask: Any = None) -> Array:
        """``nn.TransformerEncoderLayer`` with ReLU, normalised before or after."""
        x = array(x)
        if net.norm_first:
            normed = layer_norm(x, net.norm1)
            x = x + self.multihead(net.self_attn, normed, normed, normed, mask)
            return x + self._feed_forward(net, layer_norm(x, net.norm2))
        x = layer_norm(x + self.multihead(net.self_attn, x, x, x, mask), net.norm1)
        return layer_norm(x + self._feed_forward(net, x), net.norm2)

    def decoder_layer(self, net: Any, x: Any, memory: Any) -> Array:
        """``nn.TransformerDecoderLayer`` with ReLU, normalised after."""
        x = array(x)
        x = layer_norm(x + self.multihead(net.self_attn, x, x, x), net.norm1)
        crossed = self.multihead(net.multihead_attn, x, memory, memory)
        x = layer_norm(x + crossed, net.norm2)
        return layer_norm(x + self._feed_forward(net, x), net.norm3)

    def _feed_forward(self, net: Any, x: Array) -> Array:
        hidden = np.maximum(self.linear(x, net.linear1.weight, net.linear1.bias), 0)
        return self.linear(hidden, net.linear2.weight, net.linear2.bias)

    # -- recurrence -------------------------------------------------------------------------

    def recurrent(self, net: Any, x: Any, lengths: Sequence[int] | None = None) -> Array:
        """``nn.LSTM``, ``nn.GRU``, ``nn.RNN`` from a zero state; (N, T, in) to (N, T, ...).

        Only the first ``lengths[n]`` steps of a sequence are run.
        """
        x = array(x)
        width = (net.proj_size or net.hidden_size) * (2 if net.bidirectional else 1)
        out = np.zeros((*x.shape[:2], width))
        for n, sequence in enumerate(x):
            steps = sequence[: lengths[n] if lengths else None]
            for layer in range(net.num_layers):
                steps = self._layer(net, layer, steps)
            out[n, : len(steps)] = steps
        return out

    def _layer(self, net: Any, layer: int, steps: Array) -> Array:
        directions = ["", "_reverse"] if net.bidirectional else [""]
        outputs = []
        for suffix in directions:
            names = [f"{kind}_l{layer}{suffix}" for kind in _WEIGHTS]
            weights = [getattr(net, name, None) for name in names]
            order = steps[::-1] if suffix else steps
            states = self._run(net.mode, order, weights, net.hidden_size)
            outputs.append(states[::-1] if suffix else states)
        return np.concatenate(outputs, axis=1)

    def _run(self, mode: str, steps: Array, weights: list[Any], size: int) -> Array:
        hidden, cell, states = None, np.zeros((1, size)), []
        for step in steps:
            hidden, cell = self.cell(mode, step[None], hidden, cell, *weights)
            states.append(hidden[0])
        return np.stack(states)

    def cell(
        self,
        mode: str,
        x: Any,
        hidden: Any,
        cell: Any,
        w_ih: Any,
        w_hh: Any,
        b_ih: Any = None,
        b_hh: Any = None,
        w_hr: Any = None,
    ) -> tuple[Array, Array]:
        """One step of one layer: (N, in) and (N, state) to the next state."""
        if hidden is None:
            hidden = np.zeros((len(x), array(w_hh).shape[1]))
        inner, outer = self.linear(x, w_ih, b_ih), self.linear(hidden, w_hh, b_hh)
        if mode == "GRU":
            (r, z, n), (r_, z_, n_) = (np.split(each, 3, axis=1) for each in (inner, outer))
            reset, update = sigmoid(r + r_), sigmoid(z + z_)
            return (1 - update) * np.tanh(n + reset * n_) + update * array(hidden), cell
        if mode == "LSTM":
            i, f, g, o = np.split(inner + outer, 4, axis=1)
            cell = sigmoid(f) * array(cell) + sigmoid(i) * np.tanh(g)
            hidden = sigmoid(o) * np.tanh(cell)
            return (hidden if w_hr is None else self.linear(hidden, w_hr)), cell
        total = inner + outer
        return (np.maximum(total, 0) if mode == "RNN_RELU" else np.tanh(total)), cell


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def softmax(x: Array) -> Array:
    """Along the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x: Array) -> Array:
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def layer_norm(x: Array, net: Any) -> Array:
    """Along the last axis, with scale and shift of ``net``."""
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt(x.var(-1, keepdims=True) + net.eps)
    return scaled * array(net.weight) + array(net.bias)


def _each(value: Any, kernel: Sequence[int]) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * len(kernel)


def _margins(padding: Any, kernel: Sequence[int], dilations: Sequence[int]) -> list[Any]:
    if padding == "valid":
        padding = 0
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(p, p) for p in _each(padding, kernel)]


def _per_channel(bias: Any, axes: int) -> Array:
    return array(bias).reshape(1, -1, *[1] * axes)


def _projections(net: Any) -> tuple[list[Any], list[Any]]:
    if net.in_proj_weight is None:
        weights = [net.q_proj_weight, net.k_proj_weight, net.v_proj_weight]
    else:
        weights = list(net.in_proj_weight.chunk(3))
    return weights, [None] * 3 if net.in_proj_bias is None else list(net.in_proj_bias.chunk(3))


def _split(x: Array, heads: int) -> Array:
    return np.swapaxes(x.reshape(*x.shape[:2], heads, -1), 1, 2)
