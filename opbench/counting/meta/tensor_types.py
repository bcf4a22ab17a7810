"""Stand in for ``torch.FloatTensor`` and the other types by which a network may tell tensors.

``isinstance(x, torch.FloatTensor)`` asks for the type of the elements and the device.  Tensors of
the meta device belong to the types of the CPU while they say that they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_C: Any = torch._C


class TensorType:
    """A type of tensors; ``plain`` is torch's own."""

    def __init__(self, plain: Any) -> None:
        self.plain = plain

    def __instancecheck__(self, value: Any) -> bool:
        here = isinstance(value, Tensor) and _on_meta(value)
        return value.dtype is self.plain.dtype if here else isinstance(value, self.plain)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.plain(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "plain"), name)

    def __eq__(self, other: object) -> bool:
        return self.plain is (other.plain if isinstance(other, TensorType) else other)

    def __hash__(self) -> int:
        return hash(self.plain)

    def __deepcopy__(self, memo: Any) -> TensorType:
        return self


_on_meta: Callable[[Tensor], bool] = _C.TensorBase.is_meta.__get__
_PLAIN: dict[str, Any] = {
    name: each for name, each in vars(torch).items() if type(each) is type(torch.FloatTensor)
}
_TOLD = {name: TensorType(plain) for name, plain in _PLAIN.items()}
_SET_DEFAULT: Callable[[Any], None] = _C._set_default_tensor_type


@contextmanager
def types_replaced() -> Iterator[None]:
    """Replace the types of tensors on the CPU, and those of a GPU that are replaced by them."""
    holders = [vars(torch)]
    if vars(torch.cuda)["FloatTensor"] is torch.FloatTensor:
        holders.append(vars(torch.cuda))
    for names in holders:
        names.update(_TOLD)
    _C._set_default_tensor_type = _set_default
    try:
        yield
    finally:
        for names in holders:
            names.update(_PLAIN)
        _C._set_default_tensor_type = _SET_DEFAULT


def _set_default(kind: Any) -> None:
    _SET_DEFAULT(kind.plain if isinstance(kind, TensorType) else kind)
