"""Recognise operators without products by their kind, so that nobody has to list them.

An operator that ``opbench.counting.rules.free`` does not list is free where torch itself says so:

    elementwise   tagged ``pointwise`` or ``reduction``, itself or another of its overloads
    random        tagged as drawing numbers
    view          the result is the argument in another shape, or a copy of that
    query         no tensor is returned or changed (a profiler region, a check, a size)
    creation      no tensor is read
    packing       a weight is prepared for a kernel
    quantisation  to another number format and back, and the choice of scales
    exchange      tensors are sent to other processes, and added there
    variant       another form of a free operator: its backward pass, the form for lists, for
                  sparse or quantised tensors, or of another library

The tags are believed in every namespace, and so are the words of quantisation; the other kinds
hold for operators that torch brings along.  A name that sounds like a product or a decomposition
of a matrix is never judged by its tag or its relatives: it needs a rule, a place on the list, or
parts that are judged.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch._ops import OpOverload

from opbench.counting.rules.free import FREE
from opbench.counting.rules.parts import is_implicit

_EXCHANGE = frozenset(
    (
        *("c10d", "_c10d_functional", "_c10d_functional_autograd", "_dtensor", "device_mesh"),
        *("fsdp", "symm_mem", "cplib", "bucketing", "ao"),
    )
)
_BY_TORCH = _EXCHANGE | frozenset(
    (
        *("aten", "prims", "rngprims", "inductor", "inductor_prims", "profiler", "debugprims"),
        *("debug_mode_ops", "export", "static_runtime", "mkl", "mkldnn", "onednn", "sparse"),
        *("mkldnn_prepacked", "streams", "torchvision", "torch_attn", "semi_structured"),
        *("quantized", "_quantized", "quantized_decomposed", "quantization"),
    )
)

_TAGS = frozenset(
    getattr(torch.Tag, name)
    for name in ("pointwise", "reduction", "view_copy")
    if hasattr(torch.Tag, name)
)
# Those that torch tags as a reduction since it has the tag.
_REDUCTIONS = frozenset(
    (
        *("all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "max"),
        *("linalg_vector_norm", "logsumexp", "mean", "min", "nansum", "norm", "prod", "std"),
        *("std_mean", "sum", "var", "var_mean"),
    )
)
_RANDOM = torch.Tag.nondeterministic_seeded

_PRODUCT = re.compile(
    r"(?<![a-z])(mm|bmm|addmm|baddbmm|addbmm|addmv|addr|mv|dot|vdot|vecdot|outer|kron|gemm|matmul"
    r"|einsum|bilinear(?!\dd)|trilinear(?!\dd)|linear(?!\dd)|qlinear|q?conv\d?d?|convolution|conv_\w*"
    r"|attention|sdpa|rnn|lstm|gru|int4mm|fft|solve|cholesky|svd|eigh?|qr|lu|inv|pinv|det|slogdet"
    r"|lstsq|householder|matrix_exp)(?![a-z0-9])"
)
_PACKING = re.compile(r"(?<![a-z])(prepack|unpack|reorder)(?![a-z])")
_QUANTISATION = re.compile(
    r"_*(?=.*(quant|qparams))((de|fake|choose|convert)_?)?(quant|quantize|quantized|qparams|dequant)"
    r"(_(affine|learnable|per|tensor|channel|token|group|block|row|dynamic|symmetric|asymmetric"
    r"|cachemask|qparams|with|and|no|zero|points?|preserve|float\d*|fp\d+|u?int\d+|u?intx|nf4|mx"
    r"|scale|impl|backward|functional|non|decomposed))*"
)
_LIBRARIES = "foreach fused nested sparse_csr sparse cudnn miopen mkldnn quantized"
_PREFIX = re.compile(f"^_?({'|'.join(_LIBRARIES.split())})_")
_SUFFIX = re.compile(r"(_double)?(_backward\w*|_jvp|_copy|_functional|_out|_data)+$")
_LONGEST = 128


@functools.cache
def operator_name(func: Any) -> str:
    """Return the name: "addmm" for ``aten.addmm_.default``; others as in "torchvision::nms"."""
    if not isinstance(func, torch._ops.OpOverload):
        return str(func.name())
    namespace, _, name = func._schema.name.partition("::")
    if name.endswith("_") and not name.endswith("__"):
        name = name[:-1]
    return name if namespace == "aten" else f"{namespace}::{name}"


def is_by_torch(func: Any) -> bool:
    """Return whether torch itself brings an operator along."""
    return not isinstance(func, OpOverload) or func.namespace in _BY_TORCH


def is_free_by_kind(func: OpOverload) -> bool:
    """Return whether an operator is of a kind that has no products."""
    return kind_of(func) is not None


def kind_of(func: OpOverload) -> str | None:
    """Return the kind without products that an operator belongs to, None if it is of none."""
    namespace, _, name = func._schema.name.partition("::")
    sounds_like_a_product = bool(_PRODUCT.search(name))
    if len(name) < _LONGEST and _QUANTISATION.fullmatch(name):
        return "quantisation"
    if not sounds_like_a_product and (_TAGS & _tags(func) or _is_reduction(namespace, name)):
        return "elementwise"
    if namespace not in _BY_TORCH:
        return None
    return _kind_by_schema(func, name) or (
        None if sounds_like_a_product else _kind_of_torchs_own(func, namespace, name)
    )


def _is_reduction(namespace: str, name: str) -> bool:
    return namespace == "aten" and name in _REDUCTIONS


def _tags(func: OpOverload) -> set[torch.Tag]:
    """Return the tags of an operator's overloads: forms in place and with ``out`` lack some."""
    namespace, _, name = func._schema.name.partition("::")
    plain = name if name.endswith("__") else name.removesuffix("_")
    packet = getattr(getattr(torch.ops, namespace), plain, None)
    overloads = [getattr(packet, each) for each in packet.overloads()] if packet else []
    return {tag for each in (func, *overloads) for tag in each.tags}


def _kind_by_schema(func: OpOverload, name: str) -> str | None:
    takes = [each for each in func._schema.arguments if not _is_written(each)]
    if not _tensors(takes):
        return "creation" if _tensors(func._schema.returns) else "query"
    return "packing" if _PACKING.search(name) else None


def _kind_of_torchs_own(func: OpOverload, namespace: str, name: str) -> str | None:
    if not _tensors(func._schema.returns) and not func._schema.is_mutable:
        return "query"
    if _is_view(func):
        return "view"
    if _RANDOM in func.tags:
        return "random"
    if namespace in _EXCHANGE:
        return "exchange"
    itself = operator_name(func)
    bases = _bases(namespace, name.removesuffix("_"))
    if is_implicit(func):  # taken apart, which is exact
        return None
    return "variant" if any(is_free(base) for base in bases if base != itself) else None


def _tensors(values: Iterable[torch.Argument]) -> bool:
    return any("Tensor" in str(each.type) for each in values)


def _is_written(argument: torch.Argument) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write


def _is_view(func: OpOverload) -> bool:
    results = func._schema.returns
    return bool(results) and all(each.alias_info and not _is_written(each) for each in results)


def _bases(namespace: str, name: str) -> Iterator[str]:
    """Yield the names of the operators that this one may be a form of."""
    without = _SUFFIX.sub("", name)
    for base in dict.fromkeys((without, _PREFIX.sub("", without))):
        if base != name or namespace != "aten":
            yield from (base, f"_{base}", f"{base}_forward")
    yield from (without.removeprefix("_"), f"{namespace}::{without.removeprefix('_')}")


@functools.cache
def is_free(name: str) -> bool:
    """Return whether the operator of ``aten`` with this name is free, by the list or by its kind.

    ``name`` is written as ``opbench.counting.rules.free`` writes it.
    """
    if name in FREE:
        return True
    packet = getattr(torch.ops.aten, name, None) if name.isidentifier() else None
    overloads = [getattr(packet, each) for each in packet.overloads()] if packet else []
    return bool(overloads) and all(kind_of(each) for each in overloads)
