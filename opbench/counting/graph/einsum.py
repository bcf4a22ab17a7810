"""The multiply-accumulates of ``Einsum``: factors from left to right, as torch takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from opbench.counting.graph.calls import Call

Sizes = dict[str, int]


def einsum(call: Call) -> int:
    """Add up the products of each factor with what the factors before it gave.

    An index that one factor alone has is summed before; where no index is summed over both, the
    product is elementwise and costs nothing.
    """
    shapes = [call.shape(each) for each in range(len(call.inputs))]
    terms, output = parsed(str(call.attribute("equation")), [len(each) for each in shapes])
    factors = [_sizes(*each) for each in zip(terms, shapes, strict=True)]
    done, macs = factors[0], 0
    for position, factor in enumerate(factors[1:], start=1):
        later = {*output}.union(*factors[position + 1 :])
        left, right = _kept(done, factor, later), _kept(factor, done, later)
        both = {each: max(left.get(each, 1), right.get(each, 1)) for each in left | right}
        summed = {each for each in left if each in right and each not in later}
        macs += math.prod(both.values()) if summed else 0
        done = {each: size for each, size in both.items() if each not in summed}
    return macs


def parsed(equation: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """Return the indices of each factor and of the result; "..." stands for indices 0, 1, …"""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"the equation {equation!r} has {len(terms)} factors, not {len(ranks)}")
    more = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    widest = max((each for each, term in zip(more, terms, strict=True) if "..." in term), default=0)
    factors = [_indices(term, each, widest) for term, each in zip(terms, more, strict=True)]
    if arrow:
        return factors, _indices(right, widest, widest)
    letters = left.replace(",", "").replace(".", "")
    once = sorted(each for each in set(letters) if letters.count(each) == 1)
    return factors, [*map(str, range(widest)), *once]


def _indices(term: str, more: int, widest: int) -> list[str]:
    before, dots, after = term.partition("...")
    return [*before, *map(str, range(widest - more, widest) if dots else ()), *after]


def _sizes(indices: Sequence[str], shape: Sequence[int]) -> Sizes:
    sizes: Sizes = {}
    for index, size in zip(indices, shape, strict=True):
        sizes[index] = max(size, sizes.get(index, 1)) if size else 0
    return sizes


def _kept(factor: Sizes, other: Sizes, later: set[str]) -> Sizes:
    return {each: size for each, size in factor.items() if each in other or each in later}
