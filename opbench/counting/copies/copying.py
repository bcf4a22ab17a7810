"""Copy a network privately, so that the copy is traced in its place.

The original is read and never run, so nothing that a forward pass changes (running statistics,
caches, attributes, training flags) can change in it.  On the meta device the copy has no values:
floating-point tensors keep shape, strides and dtype only, whatever their size.  Integer and
boolean tensors (index tables, masks, lengths) keep their values, because networks look at them.

Whatever else leads to the network is copied with it (``opbench.counting.copies.duplicate``).  What
cannot be copied (a lock, an open file, a generator) is shared with the original.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from opbench.counting.copies.duplicate import ATOMS, Duplicator
from opbench.counting.copies.exported import set_evaluation_mode
from opbench.counting.copies.scripted import constants, copy_scripted, is_scripted
from opbench.errors import CountError, OpbenchError


class NeedsValuesError(CountError):
    """A network without a meta form: scripted, sparse or quantised."""

    def __init__(self) -> None:
        super().__init__("scripted, sparse and quantised parts need real values (device='cpu')")


def private_copy(network: nn.Module, device: str) -> nn.Module:
    """Return a copy of ``network`` in evaluation mode, on "meta" or a real device.

    Raises ``NeedsValuesError`` when it has parts that cannot live on the meta device.
    """
    convert = converter(device)
    network = unwrap(network)
    modules = modules_of(network)
    if device == "meta" and any(map(is_scripted, modules)):
        raise NeedsValuesError
    memo: dict[int, Any] = {}
    for tensor in _registered(modules):
        memo[id(tensor)] = convert(tensor)
    duplicate = Duplicator(convert, memo)
    with ConvertStrayTensors(convert):
        twin = _copy_modules(network, duplicate)
    if duplicate.kept:
        twin.__dict__["_pointed_at"] = duplicate.kept
    for each in _outermost_scripted(modules_of(twin)):
        each.to(device)
    if any(getattr(each, "training", False) for each in modules_of(twin)):  # frozen ones have none
        set_evaluation_mode(twin)
    return twin


def modules_of(network: nn.Module) -> list[nn.Module]:
    """Return ``network.modules()``, several times as fast."""
    found: dict[int, nn.Module] = {}
    ahead = [network]
    while ahead:
        module = ahead.pop()
        if id(module) not in found:
            found[id(module)] = module
            if module._modules:  # most have none
                ahead += [each for each in reversed(module._modules.values()) if each is not None]
    return list(found.values())


def tensors_of(network: nn.Module) -> list[Tensor]:
    """Return parameters, buffers and what is frozen into scripted modules, each once."""
    modules = modules_of(network)
    scripted = [each for each in modules if is_scripted(each)]
    return [*_registered(modules), *(each for module in scripted for each in constants(module))]


def _registered(modules: list[nn.Module]) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    for module in modules:
        held: tuple[Tensor | None, ...]
        if is_scripted(module):  # which hands out other objects every time
            held = (*module.parameters(recurse=False), *module.buffers(recurse=False))
        else:
            held = (*module._parameters.values(), *module._buffers.values())
        for each in held:
            if each is not None:
                found[id(each)] = each
    return list(found.values())


def unwrap(network: nn.Module) -> nn.Module:
    """Return the network inside ``torch.compile(network)``."""
    if "_orig_mod" not in network._modules:
        return network
    return unwrap(network.get_submodule("_orig_mod"))


def _copy_modules(network: nn.Module, duplicate: Duplicator) -> nn.Module:
    """Copy module by module and attribute by attribute, so that one attribute that cannot be
    copied does not spoil the rest.  Modules that know how to copy themselves do."""
    modules, memo = modules_of(network), duplicate.memo
    plain = {id(each) for each in modules if _is_plain_module(each)}
    for module in modules:
        if id(module) in plain:
            memo[id(module)] = module.__class__.__new__(module.__class__)
    for module in _outermost_scripted(modules):
        memo[id(module)] = copy_scripted(module, memo)
    for module in reversed(modules):  # a module that copies itself may look at those below it
        if unwrap(module) is not module:
            memo[id(module)] = copy.deepcopy(unwrap(module), memo)
        elif id(module) in plain:
            _fill(module, duplicate)
        elif id(module) not in memo and not is_scripted(module):
            _copy_by_itself(module, duplicate)
    twin: nn.Module = memo[id(network)]
    return twin


def _fill(module: nn.Module, duplicate: Duplicator) -> None:
    """Put copies of a module's attributes into its copy, which is still empty."""
    held = duplicate.memo[id(module)].__dict__
    for name, value in module.__dict__.items():
        if type(value) in _CONTAINERS and not value and name in _OWN:  # most: no hooks
            held[name] = type(value)()
        else:
            held[name] = value if type(value) in ATOMS else _copy_value(value, duplicate)
    held["_compiled_call_impl"] = None


def _copy_by_itself(module: nn.Module, duplicate: Duplicator) -> None:
    """Let a module copy itself; if it refuses, or shares modules, copy it like any other."""
    memo, ours = duplicate.memo, {id(each) for each in modules_of(module)}
    try:
        twin = copy.deepcopy(module, memo)
        if not ours.isdisjoint(map(id, modules_of(twin))):
            raise TypeError(f"{type(module).__name__} is its own copy")
        memo[id(module)] = twin
    except OpbenchError:
        raise
    except Exception:  # noqa: BLE001  a class may refuse in any way
        memo[id(module)] = module.__class__.__new__(module.__class__)
        _fill(module, duplicate)


def _outermost_scripted(modules: list[nn.Module]) -> list[nn.Module]:
    scripted = [each for each in modules if is_scripted(each)]
    inner = {id(below) for each in scripted for below in modules_of(each)[1:]}
    return [each for each in scripted if id(each) not in inner]


def _is_plain_module(module: nn.Module) -> bool:
    copies_itself = hasattr(type(module), "__deepcopy__") or is_scripted(module)
    return not copies_itself and unwrap(module) is module


def _copy_value(value: Any, duplicate: Duplicator) -> Any:
    kind, memo = type(value), duplicate.memo
    if kind is tuple and all(type(each) in ATOMS for each in value):
        return value
    if kind is dict and all(each is None or id(each) in memo for each in value.values()):
        return {name: None if each is None else memo[id(each)] for name, each in value.items()}
    return duplicate(value)


_OWN = frozenset(vars(nn.Module()))
_CONTAINERS = frozenset({dict, OrderedDict, set, list})


def converter(device: str) -> Callable[[Tensor], Tensor]:
    """Return the function that copies a tensor to "meta" or a real device."""
    return _to_meta if device == "meta" else partial(_to_device, device=device)


def _to_meta(tensor: Tensor) -> Tensor:
    if nn.parameter.is_lazy(tensor):
        return _lazy(tensor, "meta")
    if not _is_ordinary(tensor):
        raise NeedsValuesError
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return _dress(tensor.detach().clone(), tensor)
    shell = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
    return _dress(shell, tensor)


def _to_device(tensor: Tensor, device: str) -> Tensor:
    """Return a copy with the same strides; weights that were never made are zeros."""
    if nn.parameter.is_lazy(tensor):
        return _lazy(tensor, device)
    if tensor.is_meta:
        return _dress(torch.zeros_like(tensor.detach(), device=device), tensor)
    held = tensor.detach()
    # Not every class and layout of tensors takes the argument ``copy`` of ``to``.
    same = held.device.type == torch.device(device).type
    try:
        return _dress(held.clone() if same else held.to(device), tensor)
    except NotImplementedError as error:
        raise CountError(f"it holds a tensor that cannot be on {device}: {error}") from error


def _lazy(tensor: Any, device: str) -> Tensor:
    """Return a lazy tensor, still without a shape; its copy constructor fails for buffers."""
    shell: Tensor = type(tensor)(
        requires_grad=tensor.requires_grad, device=device, dtype=tensor.dtype
    )
    return shell


def _dress(data: Tensor, tensor: Tensor) -> Tensor:
    """Give ``data`` the class, attributes and gradient flag of ``tensor``."""
    if type(data) is not Tensor:
        return data
    if type(tensor) is Tensor:
        return data.requires_grad_() if tensor.requires_grad else data
    twin = Tensor._make_subclass(type(tensor), data, tensor.requires_grad)
    twin.__dict__.update(tensor.__dict__)
    return twin


def _is_ordinary(tensor: Tensor) -> bool:
    """Return whether a tensor is dense and of no subclass with its own dispatch."""
    return (
        tensor.layout is torch.strided
        and not tensor.is_quantized
        and not tensor.is_nested
        and type(tensor).__torch_dispatch__ is Tensor.__torch_dispatch__
    )


class ConvertStrayTensors(TorchFunctionMode):
    """Converts tensors that are neither parameters nor buffers while an attribute is copied."""

    def __init__(self, convert: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._convert = convert

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is Tensor.__deepcopy__:
            tensor, memo = args
            memo[id(tensor)] = self._convert(tensor)
            return memo[id(tensor)]
        if func is Tensor.clone:  # how a parameter copies itself
            return self._convert(args[0])
        return func(*args, **(kwargs or {}))
