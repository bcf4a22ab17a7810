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
    scripted = [each for each in modules if is_scripted(each)]
    if device == "meta" and scripted:
        raise NeedsValuesError
    memo: dict[int, Any] = {}
    held = _registered(modules)
    for tensor in held:
        memo[id(tensor)] = convert(tensor)
    duplicate = Duplicator(convert, memo)
    with ConvertStrayTensors(convert):
        twin = _copy_modules(modules, scripted, held, duplicate)
    if duplicate.kept:
        twin.__dict__["_pointed_at"] = duplicate.kept
    copies = modules_of(twin)
    for each in _outermost([each for each in copies if is_scripted(each)] if scripted else []):
        each.to(device)
    if any(getattr(each, "training", False) for each in copies):  # frozen ones have none
        set_evaluation_mode(twin)
    return twin


def modules_of(network: nn.Module) -> list[nn.Module]:
    """Return ``network.modules()``, several times as fast."""
    found: dict[int, nn.Module] = {}
    ahead: list[nn.Module | None] = [network]
    while ahead:
        module = ahead.pop()
        if module is not None and id(module) not in found:
            found[id(module)] = module
            if module._modules:  # most have none
                ahead += reversed(module._modules.values())
    return list(found.values())


def named_modules_of(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return ``network.named_modules(remove_duplicate=False)``, several times as fast.

    A module that is below itself (a child that knows its parent) ends the way down.
    """
    found: list[tuple[str, nn.Module]] = []
    ahead: list[tuple[str, nn.Module, tuple[nn.Module, ...]]] = [("", network, ())]
    while ahead:
        name, module, above = ahead.pop()
        found.append((name, module))
        if module._modules:  # most have none
            prefix, above = f"{name}." if name else "", (*above, module)
            ahead += [
                (prefix + key, each, above)
                for key, each in reversed(module._modules.items())
                if each is not None and all(each is not one for one in above)
            ]
    return found


def tensors_of(network: nn.Module) -> list[Tensor]:
    """Return parameters, buffers and what is frozen into scripted modules, each once."""
    modules = modules_of(network)
    scripted = [each for each in modules if is_scripted(each)]
    return [*_registered(modules), *(each for module in scripted for each in constants(module))]


def _registered(modules: list[nn.Module]) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    for module in modules:
        if is_scripted(module):  # which hands out other objects every time
            theirs = (*module.parameters(recurse=False), *module.buffers(recurse=False))
            found.update((id(each), each) for each in theirs)
            continue
        for held in (module._parameters, module._buffers):
            for each in held.values() if held else ():  # most have none
                if each is not None:
                    found[id(each)] = each
    return list(found.values())


def unwrap(network: nn.Module) -> nn.Module:
    """Return the network inside ``torch.compile(network)``."""
    if "_orig_mod" not in network._modules:
        return network
    return unwrap(network.get_submodule("_orig_mod"))


def _copy_attributes(tensor: Tensor, duplicate: Duplicator) -> None:
    """Copy what a tensor holds beside its elements (the scales of its quantisation)."""
    if not tensor.__dict__ or hasattr(tensor, "__tensor_flatten__"):
        return
    twin = duplicate.memo[id(tensor)]
    if twin is not tensor and type(twin) is type(tensor):
        twin.__dict__.update({name: duplicate(each) for name, each in tensor.__dict__.items()})


def _copy_modules(
    modules: list[nn.Module],
    scripted: list[nn.Module],
    held: list[Tensor],
    duplicate: Duplicator,
) -> nn.Module:
    """Copy the first of ``modules``, all below it and what the tensors they hold know.

    Returns the copy of the first.

    It goes module by module and attribute by attribute, so that one attribute that cannot be copied
    does not spoil the rest.  Modules that know how to copy themselves do.
    """
    memo = duplicate.memo
    others = {id(each) for each in scripted}
    plain = {id(each) for each in modules if id(each) not in others and _is_plain_module(each)}
    for module in modules:
        if id(module) in plain:
            memo[id(module)] = module.__class__.__new__(module.__class__)
    for module in _outermost(scripted):
        memo[id(module)] = copy_scripted(module, memo)
    for tensor in held:  # which may know their modules
        _copy_attributes(tensor, duplicate)
    for module in reversed(modules):  # a module that copies itself may look at those below it
        if id(module) in plain:
            _fill(module, duplicate)
        elif unwrap(module) is not module:
            memo[id(module)] = copy.deepcopy(unwrap(module), memo)
        elif id(module) not in memo and id(module) not in others:
            _copy_by_itself(module, duplicate)
    twin: nn.Module = memo[id(modules[0])]
    return twin


def _fill(module: nn.Module, duplicate: Duplicator) -> None:
    """Put copies of a module's attributes into its copy, which is still empty."""
    held = duplicate.memo[id(module)].__dict__
    for name, value in module.__dict__.items():
        kind = type(value)
        if kind in ATOMS:
            held[name] = value
        elif kind in _CONTAINERS and not value and name in _OWN:  # most: no hooks
            held[name] = kind()
        else:
            held[name] = _copy_value(value, duplicate)
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


def _outermost(scripted: list[nn.Module]) -> list[nn.Module]:
    """Return those of scripted modules that are not inside another."""
    inner = {id(below) for each in scripted for below in modules_of(each)[1:]}
    return [each for each in scripted if id(each) not in inner]


def _is_plain_module(module: nn.Module) -> bool:
    return not hasattr(type(module), "__deepcopy__") and "_orig_mod" not in module._modules


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
