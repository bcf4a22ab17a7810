"""The types of the factors of a product, as in ``opbench.counting.rules.precision``.

Packed weights have as many bits as their attribute says; an operator that quantises its input
inside multiplies unsigned bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from opbench.counting.graph.calls import Call
from opbench.counting.graph.values import element_name


def precision(call: Call, factors: Iterable[int]) -> str:
    """Return "float32", or "float32 x int8" where factors differ."""
    elements = [each.element for each in map(call.inputs.__getitem__, factors) if each]
    names = [element_name(each) for each in elements]
    if call.node.op_type.startswith("DynamicQuantize"):
        names[0] = "uint8"
    bits = call.attribute("bits", 0)
    if bits and len(names) > 1:
        names[1] = f"uint{bits}"
    return " x ".join(dict.fromkeys(names))
