"""Attention: scores and weighted sum in full, whatever mask or flag is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .case import Case, Does, Wraps, normal
from .loops import Array, Loops, array, layer_norm

_CAUSAL = np.triu(np.full((4, 4), -np.inf), 1)


def _plain(net: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v)


def _self(do: Loops, net: Any, x: Tensor, mask: Array | None = None) -> Array:
    return do.multihead(net.layer, x, x, x, mask)


class _SelfAttention(nn.Module):
    """Query, key and value are the input."""

    def __init__(self, *, weights: bool = False, **options: Any) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(8, 2, batch_first=True, **options)
        self.weights = weights

    def forward(self, x: Tensor, **options: Any) -> Tensor:
        return self.layer(x, x, x, need_weights=self.weights, **options)[0]


def _split_attention(net: Any, x: Tensor) -> Tensor:
    """Attention as people write it by hand."""
    q, k, v = (x @ w for w in (net.q, net.k, net.v))
    return torch.softmax(q @ k.transpose(-2, -1) / 8**0.5, -1) @ v


def _stack(do: Loops, net: Any, source: Tensor, target: Tensor) -> Array:
    memory = array(source)
    for layer in net.encoder.layers:
        memory = do.encoder_layer(layer, memory)
    memory = layer_norm(memory, net.encoder.norm)
    out = array(target)
    for layer in net.decoder.layers:
        out = do.decoder_layer(layer, out, memory)
    return layer_norm(out, net.decoder.norm)


# One pass of self-attention over 4 tokens of width 8: four projections, scores and sum.
_PROJECTIONS = 4 * (4 * 8 * 8)
_MIXING = 2 * (4 * 4 * 8)
_FEED_FORWARD = 2 * (4 * 16 * 8)

ATTENTION = (
    Case(
        idea="scaled_dot_product_attention",
        build=lambda: Does(_plain),
        inputs=normal((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5)),
        macs=(2 * 3) * (4 * 4 * 5 + 4 * 5 * 4),
        perform=lambda do, net, q, k, v: do.attention(q, k, v),
    ),
    Case(
        idea="attention from 3 queries to 5 keys, values wider than keys",
        build=lambda: Does(_plain),
        inputs=normal((2, 3, 4), (2, 5, 4), (2, 5, 6)),
        macs=2 * (3 * 5 * 4 + 3 * 6 * 5),
        perform=lambda do, net, q, k, v: do.attention(q, k, v),
    ),
    Case(
        idea="causal attention counts in full",
        build=lambda: Does(
            lambda net, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
        ),
        inputs=normal((1, 2, 4, 3), (1, 2, 4, 3), (1, 2, 4, 3)),
        macs=2 * (4 * 4 * 3 + 4 * 3 * 4),
        perform=lambda do, net, q, k, v: do.attention(q, k, v, _CAUSAL),
    ),
    Case(
        idea="masked attention counts in full",
        build=lambda: Does(
            lambda net, q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m)
        ),
        inputs=normal((2, 4, 3), (2, 5, 3), (2, 5, 3), (4, 5)),
        macs=2 * (4 * 5 * 3 + 4 * 3 * 5),
        perform=lambda do, net, q, k, v, m: do.attention(q, k, v, array(m)),
    ),
    Case(
        idea="attention whose queries share keys and values in groups",
        build=lambda: Does(
            lambda net, q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
        ),
        inputs=normal((1, 4, 3, 5), (1, 2, 3, 5), (1, 2, 3, 5)),
        macs=4 * (3 * 3 * 5 + 3 * 5 * 3),
        perform=lambda do, net, q, k, v: do.attention(
            q, np.repeat(array(k), 2, axis=1), np.repeat(array(v), 2, axis=1)
        ),
    ),
    Case(
        idea="attention written by hand",
        build=lambda: Does(_split_attention, q=(8, 8), k=(8, 8), v=(8, 8)),
        inputs=normal((1, 4, 8)),
        macs=3 * (4 * 8 * 8) + _MIXING,
        perform=lambda do, net, x: do.attention(*(do.matmul(x, w) for w in (net.q, net.k, net.v))),
    ),
    Case(
        idea="multi-head attention",
        build=_SelfAttention,
        inputs=normal((1, 4, 8)),
        macs=_PROJECTIONS + _MIXING,
        perform=_self,
    ),
    Case(
        idea="multi-head attention that returns its weights",
        build=lambda: _SelfAttention(weights=True),
        inputs=normal((1, 4, 8)),
        macs=_PROJECTIONS + _MIXING,
        perform=_self,
    ),
    Case(
        idea="multi-head attention without bias",
        build=lambda: _SelfAttention(bias=False),
        inputs=normal((2, 4, 8)),
        macs=2 * (_PROJECTIONS + _MIXING),
        perform=_self,
    ),
    Case(
        idea="multi-head attention with one more key and value",
        build=lambda: _SelfAttention(add_bias_kv=True),
        inputs=normal((1, 4, 8)),
        macs=_PROJECTIONS + 2 * (4 * 5 * 8),
        perform=_self,
    ),
    Case(
        idea="multi-head attention with a zero key and value",
        build=lambda: _SelfAttention(add_zero_attn=True),
        inputs=normal((1, 4, 8)),
        macs=_PROJECTIONS + 2 * (4 * 5 * 8),
        perform=_self,
    ),
    Case(
        idea="cross-attention to keys and values of other widths",
        build=lambda: Wraps(
            nn.MultiheadAttention(8, 2, kdim=6, vdim=5, batch_first=True),
            lambda layer, q, k, v: layer(q, k, v)[0],
        ),
        inputs=normal((1, 4, 8), (1, 3, 6), (1, 3, 5)),
        macs=4 * 8 * 8 + 3 * 8 * 6 + 3 * 8 * 5 + 2 * (4 * 3 * 8) + 4 * 8 * 8,
        perform=lambda do, net, q, k, v: do.multihead(net.layer, q, k, v),
    ),
    Case(
        idea="multi-head attention that is not batch first",
        build=lambda: Wraps(nn.MultiheadAttention(8, 2), lambda layer, x: layer(x, x, x)[0]),
        inputs=normal((4, 1, 8)),
        macs=_PROJECTIONS + _MIXING,
        perform=lambda do, net, x: do.multihead(net.layer, *[x.transpose(0, 1)] * 3).swapaxes(0, 1),
    ),
    Case(
        idea="multi-head attention with padding counts in full",
        build=lambda: Wraps(
            nn.MultiheadAttention(8, 2, batch_first=True),
            lambda layer, x, padding: layer(x, x, x, key_padding_mask=padding)[0],
        ),
        inputs=lambda: (torch.randn(1, 4, 8), torch.tensor([[False, False, False, True]])),
        macs=_PROJECTIONS + _MIXING,
        perform=lambda do, net, x, padding: do.multihead(
            net.layer, x, x, x, np.where(padding.numpy()[:, None, None, :], -np.inf, 0.0)
        ),
    ),
    Case(
        idea="transformer encoder layer",
        build=lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        inputs=normal((1, 4, 8)),
        macs=_PROJECTIONS + _MIXING + _FEED_FORWARD,
        perform=lambda do, net, x: do.encoder_layer(net, x),
    ),
    Case(
        idea="transformer encoder layer, normalised first",
        build=lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True),
        inputs=normal((2, 4, 8)),
        macs=2 * (_PROJECTIONS + _MIXING + _FEED_FORWARD),
        perform=lambda do, net, x: do.encoder_layer(net, x),
    ),
    Case(
        idea="transformer encoder of two layers",
        build=lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2
        ),
        inputs=normal((1, 4, 8)),
        macs=2 * (_PROJECTIONS + _MIXING + _FEED_FORWARD),
        perform=lambda do, net, x: do.encoder_layer(
            net.layers[1], do.encoder_layer(net.layers[0], x)
        ),
    ),
    Case(
        idea="transformer encoder with padding counts in full",
        build=lambda: Wraps(
            nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1),
            lambda net, x, padding: net(x, src_key_padding_mask=padding)[:, :3],
        ),
        inputs=lambda: (torch.randn(1, 4, 8), torch.tensor([[False, False, False, True]])),
        macs=_PROJECTIONS + _MIXING + _FEED_FORWARD,
        perform=lambda do, net, x, padding: do.encoder_layer(
            net.layer.layers[0], x, np.where(padding.numpy()[:, None, None, :], -np.inf, 0.0)
        )[:, :3],
    ),
    Case(
        idea="transformer with encoder and decoder",
        build=lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
        inputs=normal((1, 4, 8), (1, 4, 8)),
        macs=(_PROJECTIONS + _MIXING + _FEED_FORWARD)
        + (2 * (_PROJECTIONS + _MIXING) + _FEED_FORWARD),
        perform=_stack,
    ),
)
