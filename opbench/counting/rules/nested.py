"""Shapes and products of nested tensors, whose parts differ in size.

Every part takes part with its own extents, as in a loop over the parts; a table shows the extents
that all parts would be padded to.
"""

from __future__ import annotations

import math

from torch import Tensor


def padded_shape(tensor: Tensor) -> tuple[int, ...]:
    """Return the shape; of a nested tensor, that with each part padded to the largest."""
    if not tensor.is_nested:
        return tuple(tensor.shape)
    shapes = _parts(tensor)
    return len(shapes), *map(max, zip(*shapes, strict=True))


def nested_product(left: Tensor, right: Tensor) -> int:
    """Multiply each part (..., n, k) with a part (..., k, m), or with a matrix that all share."""
    if right.dim() == 2:
        return left.numel() * right.shape[-1]
    pairs = zip(_parts(left), _parts(right), strict=True)
    return sum(math.prod(one) * other[-1] for one, other in pairs)


def scores(query: Tensor, key: Tensor) -> int:
    """Return the pairs of a query (..., L, E) and a key (..., S, E) of the same part."""
    if not query.is_nested:
        return math.prod(query.shape[:-1]) * key.shape[-2]
    pairs = zip(_parts(query), _parts(key), strict=True)
    return sum(math.prod(one[:-1]) * other[-2] for one, other in pairs)


def _parts(tensor: Tensor) -> list[tuple[int, ...]]:
    return [tuple(part.shape) for part in tensor.unbind()]
