"""The stored tensors of a file, and which of them are parameters: those that training changes.

A graph does not say what was learned; its use does:

    * a stored tensor of real numbers that something reads is a parameter, unless all take it for
      something else: statistics of a batch normalisation, scales and zero points, the extents of a
      resize, bounds of a clip, fillings, initial states; a single number is a literal of the code,
      unless it is the weight of a layer
    * a ``Constant`` node of several real numbers, or a ``ConstantOfShape`` of a stored shape (as in
      files stripped of their weights), is one where it is the weight of a layer
    * integers are parameters where they are the weights of a quantised layer

Buffers that a network adds or multiplies with (a mean image, a position table) look like
parameters and count as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from opbench.counting.graph.calls import Call, operator_of
from opbench.counting.graph.rules import RULES
from opbench.counting.graph.values import GraphValue, bytes_of, is_floating

Use = Literal["weight", "literal", "other"]
Origin = Literal["initializer", "constant", "filled"]

_WEIGHTS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "SimplifiedLayerNormalization": (1,),
    "PRelu": (1,),
    "DequantizeLinear": (0,),
    "com.microsoft::DequantizeLinear": (0,),
    "com.microsoft::GatherBlockQuantized": (0,),
    "com.microsoft::SkipLayerNormalization": (2, 3, 4),
    "com.microsoft::SkipSimplifiedLayerNormalization": (2, 3),
    "com.microsoft::EmbedLayerNormalization": (2, 3, 4, 5, 6),
}
_LITERALS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4),
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "com.microsoft::QuantizeLinear": (1, 2),
    "com.microsoft::DequantizeLinear": (1, 2),
    "com.microsoft::GatherBlockQuantized": (2, 3),
    "com.microsoft::QLinearAdd": (1, 2, 4, 5, 6, 7),
    "com.microsoft::QLinearMul": (1, 2, 4, 5, 6, 7),
    "com.microsoft::QLinearGlobalAveragePool": (1, 2, 3, 4),
    "com.microsoft::QLinearAveragePool": (1, 2, 3, 4),
    "com.microsoft::QLinearSigmoid": (1, 2, 3, 4),
    "com.microsoft::QLinearLeakyRelu": (1, 2, 3, 4),
    "com.microsoft::QLinearSoftmax": (1, 2, 3, 4),
    "Clip": (1, 2),
    "Dropout": (1, 2),
    "NonMaxSuppression": (2, 3, 4),
    "OneHot": (1, 2),
    "Pad": (1, 2, 3),
    "Range": (0, 1, 2),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
    "Where": (0, 1, 2),
}


@dataclass(slots=True)
class Stored:
    """A tensor that the file holds, and what reads it: the uses and the modules of its nodes."""

    element: int
    shape: tuple[int, ...]
    origin: Origin
    uses: set[Use] = field(default_factory=set)
    modules: dict[str, None] = field(default_factory=dict)

    @property
    def elements(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

    @property
    def is_parameter(self) -> bool:
        """Training changes it, by the rule of this module."""
        if "weight" in self.uses:
            return self.origin == "initializer" or self.elements > 1
        if self.origin != "initializer" or not is_floating(self.element) or self.elements < 2:
            return False
        return bool(self.uses - {"literal"})


class Weights:
    """All that the file holds, by a name that is unique in it."""

    def __init__(self) -> None:
        self.stored: dict[str, Stored] = {}

    def add(self, key: str, element: int, shape: Iterable[int], origin: Origin) -> None:
        """Note a stored tensor, once."""
        self.stored.setdefault(key, Stored(element, tuple(shape), origin))

    def used_by(self, call: Call, module: str, *, constant: bool) -> None:
        """Note that a node of ``module`` reads what its inputs are made of.

        A node that makes one constant of another passes it on, and the next one uses it.
        """
        for position, value in enumerate(call.inputs):
            use = _use(operator_of(call.node), position)
            if value is not None and (use != "other" or not constant):
                for key in value.sources:
                    self.stored[key].uses.add(use)
                    self.stored[key].modules.setdefault(module)

    def parameters(self) -> list[Stored]:
        """Return the stored tensors that are parameters."""
        return [each for each in self.stored.values() if each.is_parameter]

    def bytes(self) -> int:
        """Return the bytes of all initializers, and of other stored tensors that are parameters."""
        return sum(
            bytes_of(each.element, each.shape)
            for each in self.stored.values()
            if each.origin == "initializer" or each.is_parameter
        )


def sources_through(call: Call) -> frozenset[str]:
    """Return the stored tensors that the output of a node is made of, where all it reads is.

    Integers beside the first input are shapes, axes and indices.
    """
    return frozenset(_sources(call))


def _sources(call: Call) -> Iterator[str]:
    for position, value in enumerate(call.inputs):
        scales = operator_of(call.node) in ("DequantizeLinear", "QuantizeLinear")
        if value is not None and (position == 0 or (not scales and _is_real(value))):
            yield from value.sources


def _is_real(value: GraphValue) -> bool:
    return is_floating(value.element)


def _use(operator: str, position: int) -> Use:
    rule = RULES.get(operator)
    weights = rule.weights if rule else _WEIGHTS.get(operator, ())
    literals = rule.literals if rule else _LITERALS.get(operator, ())
    if position in weights:
        return "weight"
    return "literal" if position in literals else "other"
