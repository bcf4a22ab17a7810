"""Take a composite operator apart: run what it consists of, and let a mode see that.

    composite kernels    torch's C++ or Python function that calls other operators
    decompositions       torch's table of operators written in terms of others; it is imported
                         (half a second) when an operator is met that is nothing else
    higher-order         branches, loops, scans and maps call functions that they are given, as
                         often as torch's kernel does: the functions are watched, and so a body
                         counts for each time it runs

The meta device has no values: a network whose branches and loops depend on them is counted on
real tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator, OpOverload

_IMPLICIT = torch._C.DispatchKey.CompositeImplicitAutograd
_EXPLICIT = torch._C.DispatchKey.CompositeExplicitAutograd

# Torch writes these operators in Python, in terms of those of ``aten``.
_WRITTEN_IN_PYTHON = frozenset(
    ("prims", "rngprims", "quantized_decomposed", "inductor", "flex_lib", "onnx", "torch_nn")
)

# They hand over to compiled code, in which no operator is seen.
_OPAQUE = frozenset(
    (
        *("aoti_call_delegate", "call_torchbind", "executorch_call_delegate"),
        *("inductor_compiled_code", "triton_kernel_wrapper_functional"),
        "triton_kernel_wrapper_mutation",
    )
)

Parts = Callable[..., Any]


def is_implicit(func: Any) -> bool:
    """Return whether an operator has torch's composite kernel, which autograd sees through."""
    return isinstance(func, OpOverload) and func.has_kernel_for_dispatch_key(_IMPLICIT)


def parts_of(func: Any) -> Parts | None:
    """Return the function that a composite operator consists of, None if it is not composite."""
    if isinstance(func, HigherOrderOperator):
        kernel: Parts | None = func.py_kernels.get(_EXPLICIT)
        return None if func._name in _OPAQUE else kernel
    if not isinstance(func, OpOverload):
        return None
    if is_implicit(func):
        return func.decompose
    if func.namespace in _WRITTEN_IN_PYTHON and func.has_kernel_for_dispatch_key(_EXPLICIT):
        return functools.partial(func._op_dk, _EXPLICIT)
    return _decomposition_of(func) if func.namespace == "aten" else None


def _decomposition_of(func: OpOverload) -> Parts | None:
    table = import_module("torch._decomp").decomposition_table
    found: Parts | None = table.get(func)
    return found


def take_apart(
    mode: AbstractContextManager[Any], func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run the parts of a composite operator; ``mode`` sees them."""
    parts = parts_of(func)
    assert parts is not None
    if isinstance(func, HigherOrderOperator):
        bodies = functools.partial(_watched, mode)
        if any(map(_is_body, (*args, *kwargs.values()))):  # else an operator is to be called
            return parts(*map(bodies, args), **{key: bodies(each) for key, each in kwargs.items()})
    with mode:
        return parts(*args, **kwargs)


def _is_body(value: Any) -> bool:
    operator = isinstance(value, (OpOverload, HigherOrderOperator, type, Tensor))
    return callable(value) and not operator


def _watched(mode: AbstractContextManager[Any], value: Any) -> Any:
    """Return a function that runs ``value`` under the mode; anything but a function as it is.

    The mode is off in torch's kernel, which insists on that.
    """
    if not _is_body(value):
        return value

    def body(*args: Any, **kwargs: Any) -> Any:
        with mode:
            return value(*args, **kwargs)

    return body
