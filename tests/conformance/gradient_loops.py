"""The oracle of training passes: gradients in loops, with a tally of multiplications.

As in ``cases.loops``, every product of two factors that goes into a sum is made one by one, and
whatever is made elsewhere with NumPy is no dot product.  A layer returns its result and a function
from the gradient of the result to that of its input, which adds the gradients of its weights to
``gradients``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.cases.loops import Array, Loops, array

Layer = tuple[Array, Callable[[Array], Array]]


class GradientLoops(Loops):
    """Layers and their gradients; ``gradients`` by the name of the parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.gradients: defaultdict[str, Any] = defaultdict(float)

    def linear_layer(
        self, x: Array, layer: Any, name: str, *, inner: bool = True, trained: bool = True
    ) -> Layer:
        """x (N, in); ``inner``: something before it is trained, ``trained``: it is itself."""
        weight = array(layer.weight)

        def backward(grad: Array) -> Array:
            if trained:
                self.gradients[f"{name}.weight"] += self.matmul(grad.T, x)
                if layer.bias is not None:
                    self.gradients[f"{name}.bias"] += grad.sum(0)
            return self.matmul(grad, weight) if inner else None

        return self.linear(x, weight, layer.bias), backward

    def convolution(self, x: Array, layer: Any, name: str, *, inner: bool = True) -> Layer:
        """x (N, in, H, W), any stride, padding and groups."""
        weight, (pad, _), (step, _) = array(layer.weight), layer.padding, layer.stride
        padded = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
        width, height = weight.shape[1], weight.shape[2]
        outs = len(weight) // layer.groups

        def backward(grad: Array) -> Array:
            at_weight, at_input = np.zeros_like(weight), np.zeros_like(padded)
            for n, o, i, j in np.ndindex(*grad.shape):
                for c, a, b in np.ndindex(width, height, height):
                    where = (n, o // outs * width + c, i * step + a, j * step + b)
                    at_weight[o, c, a, b] += grad[n, o, i, j] * padded[where]
                    self.multiplications += 1
                    if inner:
                        at_input[where] += grad[n, o, i, j] * weight[o, c, a, b]
                        self.multiplications += 1
            self.gradients[f"{name}.weight"] += at_weight
            self.gradients[f"{name}.bias"] += grad.sum((0, 2, 3))
            inside = slice(pad, -pad or None)
            return at_input[:, :, inside, inside]

        out = self.conv(x, weight, layer.bias, stride=step, padding=pad, groups=layer.groups)
        return out, backward

    def transposed_convolution(
        self, x: Array, layer: Any, name: str, *, inner: bool = True
    ) -> Layer:
        """x (N, in, H, W) without padding or groups."""
        weight, (step, _) = array(layer.weight), layer.stride

        def backward(grad: Array) -> Array:
            at_weight, at_input = np.zeros_like(weight), np.zeros_like(x)
            for n, c, i, j in np.ndindex(*x.shape):
                for o, a, b in np.ndindex(*weight.shape[1:]):
                    arriving = grad[n, o, i * step + a, j * step + b]
                    at_weight[c, o, a, b] += arriving * x[n, c, i, j]
                    self.multiplications += 1
                    if inner:
                        at_input[n, c, i, j] += arriving * weight[c, o, a, b]
                        self.multiplications += 1
            self.gradients[f"{name}.weight"] += at_weight
            self.gradients[f"{name}.bias"] += grad.sum((0, 2, 3))
            return at_input

        return self.conv_transpose(x, weight, layer.bias, stride=step), backward

    def attention_head(self, q: Array, k: Array, v: Array) -> tuple[Array, Callable[..., Any]]:
        """One head on (L, E), (S, E), (S, Ev); the way back gives all three gradients."""
        scale = 1 / np.sqrt(q.shape[-1])
        scores = self.matmul(q, k.T) * scale
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)

        def backward(grad: Array) -> tuple[Array, Array, Array]:
            at_weights = self.matmul(grad, v.T)
            centred = at_weights - (at_weights * weights).sum(-1, keepdims=True)
            at_scores = weights * centred * scale
            return (
                self.matmul(at_scores, k),
                self.matmul(at_scores.T, q),
                self.matmul(weights.T, grad),
            )

        return self.matmul(weights, v), backward


def relu(do: Loops, net: Any, x: Array) -> Layer:
    return np.maximum(x, 0), lambda grad: grad * (x > 0)


def tanh(do: Loops, net: Any, x: Array) -> Layer:
    out = np.tanh(x)
    return out, lambda grad: grad * (1 - out**2)


def flat(do: Loops, net: Any, x: Array) -> Layer:
    return x.reshape(len(x), -1), lambda grad: grad.reshape(x.shape)
