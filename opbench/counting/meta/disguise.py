"""Let a network on the meta device take the way that it takes with real tensors.

Networks ask ``x.device``, ``x.is_meta`` or ``x.type()`` and may decide by the answer.  While one is
built and traced, a tensor of the meta device says that it is on the CPU, except to torch and here.
So a network decides as it would on the CPU, and what it makes on ``x.device`` it makes there, but
for large tensors.  Tensors of both can meet in one operator (``opbench.counting.meta.values``).

For lack of values the meta device raises errors of its own, in operators and in methods such as
``numpy()``.  One that a constructor or a forward pass catches, to go another way, is noted, and the
network is counted with real tensors.

Autocast on the CPU does nothing there: a network that enables it needs real tensors.

A network that refuses to run on a CPU is told that every tensor is on a GPU
(``opbench.counting.meta.absent``).  Not noticed: a network that decides by what a tensor prints.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from opbench.counting.meta.replaced import replaced
from opbench.counting.meta.tensor_types import on_meta as on_meta
from opbench.counting.meta.tensor_types import plain, types_replaced
from opbench.errors import describe

_PLAIN: Any = torch._C.TensorBase
_device: Callable[[Tensor], torch.device] = _PLAIN.device.__get__
_STORAGE: Any = torch._C.StorageBase
_device_of_storage: Callable[[Any], torch.device] = vars(_STORAGE)["device"].__get__
_AUTOCAST: Any = torch.set_autocast_enabled
_is_cpu: Callable[[Tensor], bool] = _PLAIN.is_cpu.__get__

_CPU = torch.device("cpu")
_PLACES: list[torch.device] = []  # a device on which all tensors say that they are
_TOLD_THE_TRUTH: dict[str, bool] = {}  # by the name of the module that asks


class Refusals:
    """The first error that the meta device raised, as a sentence; the storages on the CPU that have
    no values any more, by address."""

    def __init__(self) -> None:
        self.first = ""
        self.unknown: dict[int, weakref.ref[Any]] = {}


_NOTED: list[Refusals] = []


def note(error: Exception) -> None:
    """Remember an error, without its traceback, which would keep tensors alive."""
    for refusals in _NOTED[-1:]:
        refusals.first = refusals.first or describe(error)


@contextmanager
def disguised() -> Iterator[Refusals]:
    """Let tensors of the meta device say meanwhile that they are on the CPU."""
    _NOTED.append(Refusals())
    with ExitStack() as stack:
        for holder, answers in _ANSWERS.items():
            for name, answer in answers.items():
                stack.enter_context(replaced(holder, name, answer))
        stack.enter_context(types_replaced())
        stack.callback(_NOTED.pop)
        yield _NOTED[-1]


@contextmanager
def said_to_be_on(device: torch.device) -> Iterator[None]:
    """Let every tensor say meanwhile that it is on ``device``."""
    _PLACES.append(device)
    with ExitStack() as stack:
        for name, answer in _ANSWERS_OF_PLACE.items():
            stack.enter_context(replaced(Tensor, name, answer))
        stack.callback(_PLACES.pop)
        yield


def is_worn() -> bool:
    """Return whether tensors of the meta device say now that they are on the CPU."""
    return bool(_NOTED)


def is_unknown(tensor: Tensor) -> bool:
    """Return whether activations or weights were written into a tensor on the CPU."""
    unknown = _NOTED[-1].unknown if _NOTED else {}
    plain = bool(unknown) and tensor.layout is torch.strided
    return plain and tensor.untyped_storage()._cdata in unknown


def any_unknown() -> bool:
    """Return whether there are such tensors."""
    return bool(_NOTED) and bool(_NOTED[-1].unknown)


def forget(tensor: Tensor) -> None:
    """Note that the values of a tensor on the CPU are not known any more."""
    storage, unknown = tensor.untyped_storage(), _NOTED[-1].unknown
    key = storage._cdata
    unknown[key] = weakref.ref(storage, lambda _: unknown.pop(key, None))


def _told_device(tensor: Tensor) -> torch.device:
    if not (_PLACES or on_meta(tensor)) or _is_told_the_truth():
        return _device(tensor)
    return _PLACES[-1] if _PLACES else _CPU


def _told_is_meta(tensor: Tensor) -> bool:
    return on_meta(tensor) and _is_told_the_truth()


def _told_is_cpu(tensor: Tensor) -> bool:
    if not (_PLACES or on_meta(tensor)) or _is_told_the_truth():
        return _is_cpu(tensor)
    return not _PLACES


def _told_is_cuda(tensor: Tensor) -> bool:
    return not _is_told_the_truth() and _PLACES[-1].type == "cuda"


def _told_index(tensor: Tensor) -> int:
    return -1 if _is_told_the_truth() else _PLACES[-1].index


def _told_type(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
    kwargs = {name: plain(each) for name, each in kwargs.items()}
    answer = _PLAIN.type(tensor, *map(plain, args), **kwargs)
    if not isinstance(answer, str) or _is_told_the_truth():
        return answer
    place = f"torch.{_PLACES[-1].type}." if _PLACES else "torch."
    return place + answer.removeprefix("torch.").removeprefix("meta.")


def _told_address(tensor: Tensor) -> int:
    """Return a number that tells storages apart, as addresses do; on the meta device all are 0."""
    if not on_meta(tensor) or _is_told_the_truth():
        return int(_PLAIN.data_ptr(tensor))
    return (
        int(tensor.untyped_storage()._cdata) + int(tensor.storage_offset()) * tensor.element_size()
    )


def _told_device_of_storage(storage: Any) -> torch.device:
    device = _device_of_storage(storage)
    return _CPU if device.type == "meta" and not _is_told_the_truth() else device


def _told_device_of_typed_storage(storage: Any) -> torch.device:
    device = _device_of_storage(storage.untyped())
    return _CPU if device.type == "meta" and not _is_told_the_truth() else device


def _noted_of_storage(method: Any) -> Callable[..., Any]:
    def call(storage: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(storage, *args, **kwargs)
        except Exception as error:
            note(error)
            raise

    return call


def _set_autocast(kind: str, enabled: bool) -> None:
    if enabled and kind == "cpu":
        error = RuntimeError("autocast on the CPU does nothing on the meta device")
        note(error)
        raise error
    _AUTOCAST(kind, enabled)


def _noted(method: Any) -> Callable[..., Any]:
    """Return a method of tensors that is no operator, so that only here its error is seen."""

    def call(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        try:
            if not on_meta(tensor) and is_unknown(tensor):
                raise RuntimeError("what was written into this tensor has no values")
            return method(tensor, *args, **kwargs)
        except Exception as error:
            note(error)
            raise

    return call


def _new_tensor(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Make a tensor from numbers, which torch would lose on the meta device."""
    source = torch.empty(0, dtype=tensor.dtype) if on_meta(tensor) else tensor
    return _PLAIN.new_tensor(source, *args, **kwargs)


# Of tensors of every kind, while they say that they are on another device.
_ANSWERS_OF_PLACE: dict[str, Any] = {
    "device": property(_told_device),
    "is_cpu": property(_told_is_cpu),
    "is_cuda": property(_told_is_cuda),
    "get_device": _told_index,
    "type": _told_type,
}

_READS = ("__getitem__", "__iter__", "tolist", "cpu")  # of a storage, which raise there

_ANSWERS: dict[Any, dict[str, Any]] = {
    Tensor: {
        "device": property(_told_device),
        "is_meta": property(_told_is_meta),
        "is_cpu": property(_told_is_cpu),
        "new_tensor": _new_tensor,
        "type": _told_type,
        "data_ptr": _told_address,
        "numpy": _noted(_PLAIN.numpy),
        "tolist": _noted(_PLAIN.tolist),
        "__dlpack__": _noted(Tensor.__dlpack__),
    },
    torch.UntypedStorage: {
        "device": property(_told_device_of_storage),
        **{name: _noted_of_storage(getattr(torch.UntypedStorage, name)) for name in _READS},
    },
    torch.TypedStorage: {
        "device": property(_told_device_of_typed_storage),
        **{name: _noted_of_storage(getattr(torch.TypedStorage, name)) for name in _READS},
    },
    torch: {"set_autocast_enabled": _set_autocast},
}


def _is_told_the_truth() -> bool:
    """Return whether torch or this package asks, and not a network."""
    name = sys._getframe(2).f_globals.get("__name__", "")
    known = _TOLD_THE_TRUTH.get(name)
    if known is None:
        known = f"{name}.".startswith(("torch.", "opbench.counting.", "opbench.conventions."))
        _TOLD_THE_TRUTH[name] = known
    return known
