"""Run operators so that values that shapes and branches depend on survive the meta device.

Weights and activations have no values there.  Integer and boolean inputs and buffers, constants,
and what is computed from them alone (masks, positions, lengths, indices) have theirs, on the CPU,
whatever device the network names.  Where both meet in an operator, its result has none.

    ``MOST_BYTES``  a larger tensor has no values
    ``FLOATS``      neither have many floating-point numbers made from nothing, as activations are

A tensor on the CPU into which unknown elements are written has no values from then on
(``opbench.counting.meta.disguise`` keeps them in mind).  A network that looks at a tensor without
values needs real tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

from opbench.counting.meta.disguise import any_unknown, forget, is_unknown, is_worn, on_meta

MOST_BYTES = 2**28

# The floating-point numbers up to which a tensor made from nothing has values.
FLOATS = {
    **dict.fromkeys(("zeros", "ones", "full", "new_zeros", "new_ones", "new_full"), 2**16),
    **dict.fromkeys(("rand", "randn"), 2**10),
    **dict.fromkeys(("empty", "empty_strided", "new_empty", "new_empty_strided", "empty_like"), 0),
    **dict.fromkeys(("zeros_like", "ones_like", "full_like", "rand_like", "randn_like"), 0),
}

_TYPE_AS = torch.ops.aten.type_as.default
_CPU, _META = torch.device("cpu"), torch.device("meta")


def run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operator: on the CPU where its tensors have values, else on the meta device."""
    traits = _traits(func)
    if traits.views or not is_worn():
        return _run_mixed(func, args, kwargs)
    if traits.floats is not None:
        return _make(traits, func, args, kwargs)
    first = args[0] if args else None
    if isinstance(first, Tensor) and on_meta(first) and not (any_unknown() or traits.elsewhere):
        return _run_mixed(func, args, kwargs)
    if func is _TYPE_AS:  # of the other tensor only the type matters
        func, args = torch.ops.aten.to.dtype, (args[0], args[1].dtype)
    tensors = [*_tensors(args), *_tensors(kwargs.values())]
    if any(map(lacks_values, tensors)):
        return _run_without_values(traits, func, args, kwargs)
    if not traits.places and _is_too_large(tensors, func, args, kwargs):
        return _run_on_meta(func, args, kwargs)
    return _run_on_cpu(func, args, kwargs)


def _make(traits: _Traits, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a new tensor; the values of one that it is shaped or typed like do not matter."""
    source = args[0] if isinstance(args[0], Tensor) else None
    usual: Any = source.dtype if source is not None else torch.get_default_dtype()
    dtype = kwargs.get("dtype") or usual
    size = source.shape if source is not None and traits.like else args[source is not None]
    most = traits.floats if _is_real(dtype) else MOST_BYTES // 8
    if source is not None and lacks_values(source):
        args = (torch.empty((), dtype=source.dtype).expand(source.shape), *args[1:])
    elif traits.like:
        most = MOST_BYTES // 8
    if most is None or prod(size) > most:
        return _run_on_meta(func, args, kwargs)
    return _run_on_cpu(func, args, kwargs)


def _run_without_values(
    traits: _Traits, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run an operator with unknown operands; what it writes into is unknown afterwards."""
    written = [each for each in traits.written(args, kwargs) if not on_meta(each)]
    shells = {id(each): _shell_of(each) for each in written}

    def seen(tensor: Tensor) -> Tensor:
        shell = shells.get(id(tensor), tensor)
        return _shell_of(shell) if lacks_values(shell) else shell

    out = _run_mixed(func, *tree_map_only(Tensor, seen, (args, kwargs)))
    for each in written:
        forget(each)
    originals = {id(shells[id(each)]): each for each in written}
    return tree_map(lambda each: originals.get(id(each), each), out)


def lacks_values(tensor: Tensor) -> bool:
    """Return whether the elements of a tensor are not known."""
    return on_meta(tensor) or is_unknown(tensor)


def written_by(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """Yield the tensors that an operator writes into."""
    yield from _traits(func).written(args, kwargs)


class _Traits(NamedTuple):
    """An operator as far as values matter.

    views: it shows the same elements in another way; or it is no operator of torch's.
    floats: of one that makes a tensor from nothing, the row of ``FLOATS``; like: with the shape of
        its first argument.
    places: position and name of the arguments that it writes into; elsewhere: not only the first.
    """

    views: bool
    floats: int | None
    like: bool
    places: tuple[tuple[int, str], ...]
    elsewhere: bool

    def written(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
        """Yield the tensors that the operator writes into."""
        for place, name in self.places:
            yield from _tensors((args[place] if place < len(args) else kwargs.get(name),))


@cache
def _traits(func: Any) -> _Traits:
    if not isinstance(func, torch._ops.OpOverload):
        return _Traits(views=True, floats=None, like=False, places=(), elsewhere=False)
    name = func._schema.name.partition("::")[2]
    arguments = func._schema.arguments
    places = tuple(
        (i, each.name)
        for i, each in enumerate(arguments)
        if each.alias_info is not None and each.alias_info.is_write
    )
    moves = any(each.name in ("device", "dtype") for each in arguments) or "resolve" in name
    return _Traits(
        views=torch.Tag.inplace_view in func.tags or (func.is_view and not moves),
        floats=FLOATS.get(name),
        like=name.endswith("_like"),
        places=places,
        elsewhere=any(i > 0 for i, _ in places),
    )


def _run_mixed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operator as it is; where devices disagree, the meta device wins."""
    try:
        return func(*args, **kwargs)
    except RuntimeError:
        if not any(map(on_meta, _tensors((*args, *kwargs.values())))):
            raise
        if func in _OTHERWISE:
            return _OTHERWISE[func](*args)
        return _run_on_meta(func, args, kwargs)


def _run_on_meta(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    args, kwargs = tree_map_only((Tensor, torch.device), _to_meta, (args, kwargs))
    if kwargs.get("pin_memory"):
        kwargs = {**kwargs, "pin_memory": False}
    return func(*args, **kwargs)


def _run_on_cpu(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if any(isinstance(each, torch.device) for each in (*args, *kwargs.values())):
        args, kwargs = tree_map_only(torch.device, _not_meta, (args, kwargs))
    return func(*args, **kwargs)


def _is_too_large(
    tensors: list[Tensor], func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Return whether a result takes more than ``MOST_BYTES``.

    It has at most as many elements as its operands have pairs, repeated as often as numbers say;
    only if that is too much the meta device is asked.
    """
    numbers = (abs(each) for each in tree_leaves((args, kwargs)) if isinstance(each, int))
    most = prod(each.numel() for each in tensors) * prod(each for each in numbers if each > 1)
    if 16 * most <= MOST_BYTES:
        return False
    with suppress(RuntimeError):
        out = _run_on_meta(func, args, kwargs)
        return sum(each.untyped_storage().nbytes() for each in _tensors((out,))) > MOST_BYTES
    return False


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for each in values:
        if isinstance(each, Tensor):
            yield each
        elif isinstance(each, (list, tuple)):
            yield from (inner for inner in each if isinstance(inner, Tensor))


def _to_meta(value: Any) -> Any:
    if isinstance(value, torch.device):
        return _META
    return _shell_of(value)


def _shell_of(tensor: Tensor) -> Tensor:
    """Return a tensor of the meta device for one on the CPU, or itself."""
    return tensor if on_meta(tensor) else tensor.to(_META)


def _not_meta(device: torch.device) -> torch.device:
    return _CPU if device == _META else device


def _is_real(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point or dtype.is_complex


def _masked_select(x: Tensor, mask: Tensor) -> Tensor:
    shape = torch.broadcast_shapes(x.shape, mask.shape)  # type: ignore[no-untyped-call]
    chosen: Tensor = x.expand(shape)[mask.expand(shape)]
    return chosen


# Operators that the meta device does not have, in words that it knows.
_OTHERWISE: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.masked_select.default: _masked_select,
}
