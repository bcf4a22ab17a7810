"""The types of the factors of an operator's products, as text: "float32", "bfloat16 x int4".

With the widths of both factors, the bit operations of a network can be computed from its
multiply-accumulates.  The types are those that an operator is given, or that it was made from
(``opbench.counting.rules.origins``).  Packed weights do not show theirs: there the operator's name
says it.  Integers of 32 bits and more beside floating-point factors are indices.
"""

from __future__ import annotations

import re
from functools import lru_cache

import torch

from opbench.counting.rules.origins import Type

Types = tuple[Type, ...]

_INDICES = frozenset({torch.int32, torch.int64})
_STORED = {
    torch.qint8: "int8",
    torch.quint8: "uint8",
    torch.qint32: "int32",
    torch.quint4x2: "uint4",
    torch.quint2x4: "uint2",
}
# By the name of the operator, the first that fits; "" is the type of the input.
_PACKED = (
    ("fp16", ("", "float16")),
    ("embedding_bag_byte", ("float32", "uint8")),
    ("embedding_bag_4bit", ("float32", "uint4")),
    ("embedding_bag_2bit", ("float32", "uint2")),
    ("dyn_quant_matmul_4bit", ("int8", "int4")),
    # Quantised inside the operator, which is given floating-point numbers.
    (r"^(quantized|sparse)::.*(dynamic|input_q_dq)|^quantized_(lstm|gru|rnn)", ("uint8", "int8")),
    ("fbgemm_linear_int8|wrapped_quantized_linear", ("uint8", "int8")),
    ("bitsandbytes::int8", ("int8", "int8")),
    ("4bit", ("", "4-bit")),
    ("int4", ("", "int4")),
    (r"^(_?quantized|sparse)::(?!matmul)|int8pack|_mixed_dtypes", ("", "int8")),
)


@lru_cache(maxsize=1024)
def precision(operator: str, types: Types) -> str:
    """Return the types of an operator's factors: one if they are equal, else " x " between."""
    packed = next((each for name, each in _PACKED if re.search(name, operator)), ())
    names = [_name(each) for each in _factors(types)]
    if packed:
        names = [each or (names or [""])[0] for each in packed]
    return " x ".join(dict.fromkeys(filter(None, names)))


def _factors(types: Types) -> list[Type]:
    products = [each for each in types if each not in _INDICES]
    number = any(isinstance(each, str) or each.is_floating_point for each in products)
    return products if number else list(types)


def _name(kind: Type) -> str:
    if isinstance(kind, str):
        return kind
    return _STORED.get(kind) or str(kind).removeprefix("torch.").removesuffix("_x2")
