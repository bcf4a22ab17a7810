"""Parameters and bytes of what a network holds, in the form that it is stored in.

Parameters are the logical count, the same before and after a conversion: the weights and biases of
a layer.  Bytes are what is stored, so that the two differ most where weights are packed:

    tensors of a class with parts      the bytes of the parts (``__tensor_flatten__``)
    quantised tensors                  their elements, and scales and zero points of channels
    sparse tensors                     their values and indices
    script objects                     weights and biases as they unpack, or are pickled
    layers with integers for weights   outputs x inputs, whatever several of them are packed into
    frozen and oneDNN modules          constants and buffers that were parameters

Buffers are stored and are no parameters.  Packed integers in a module that does not say how many
weights they stand for (``in_features``, ``kernel_size`` ...) are buffers like others.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from opbench.counting.copies.scripted import constants, is_scripted, script_objects
from opbench.counting.rules.operator_rule import numbers

Named = Sequence[tuple[str, nn.Module]]

_LAZY = (nn.UninitializedParameter, nn.UninitializedBuffer)
_PLAIN = (Tensor, nn.Parameter)
_SCRIPT_OBJECT = torch.ScriptObject
_STATISTICS = ("running_mean", "running_var")
_EXTENTS = (("in_features", "out_features"), ("infeatures", "outfeatures"))
_INDICES = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}


class Part(NamedTuple):
    """One tensor or object in a module.

    ``key`` is equal where two modules share it; ``unread`` is the class of a script object that
    does not show its weights; ``held`` is a tensor that lives no longer than this.
    """

    module: str
    key: Hashable
    params: int
    bytes: int
    unread: str = ""
    held: Tensor | None = None


def parts_of(named: Named) -> Iterator[Part]:
    """Yield what each module itself holds."""
    for name, module in named:
        if is_scripted(module):
            yield from _scripted(name, module)
        else:
            yield from _plain(name, module)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of tensors as they are stored, lazy ones left out."""
    return sum(_bytes(each) for each in tensors if not isinstance(each, _LAZY))


def _plain(name: str, module: nn.Module) -> Iterator[Part]:
    if module._parameters or module._buffers:
        parameters, buffers = _there(module._parameters), _there(module._buffers)
        tensors = [*parameters.values(), *buffers.values()]
        integers = [each for each in tensors if _is_integer(each)]
        logical = _packed_into_integers(module, tensors, integers) if integers else 0
        for tensor in parameters.values():
            yield Part(name, id(tensor), 0 if logical else numbers(tensor), _bytes(tensor))
        for key, tensor in buffers.items():
            yield Part(name, id(tensor), _in_onednn(key, tensor), _bytes(tensor))
        if logical:
            yield Part(name, id(module), logical, 0)
    if _SCRIPT_OBJECT in map(type, module.__dict__.values()):
        for value in module.__dict__.values():
            if type(value) is _SCRIPT_OBJECT:
                yield _object(name, id(value), value)


def _scripted(name: str, module: Any) -> Iterator[Part]:
    parameters = dict.fromkeys(module.parameters(recurse=False), True) | constants(module)
    for tensor, is_parameter in parameters.items():
        params = numbers(tensor) if is_parameter else 0
        yield Part(name, id(tensor), params, _bytes(tensor), held=tensor)
    for key, tensor in module.named_buffers(recurse=False):
        yield Part(name, id(tensor), _in_onednn(key, tensor), _bytes(tensor), held=tensor)
    for path, value in script_objects(module).items():
        owner = ".".join(filter(None, (name, *path[:-1])))
        yield _object(owner, (owner, path[-1]), value)


def _there(tensors: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
    """Return the tensors that have a size."""
    return {
        name: each
        for name, each in tensors.items()
        if each is not None and not isinstance(each, _LAZY)
    }


def _in_onednn(name: str, tensor: Tensor) -> int:
    """Return the elements of what was a parameter before it was put into oneDNN's layout."""
    return tensor.numel() if tensor.is_mkldnn and name not in _STATISTICS else 0


def _object(module: str, key: Hashable, held: Any) -> Part:
    try:
        weights = _weights(held)
    except (RuntimeError, AttributeError):
        return Part(module, key, 0, 0, f"weights of {held._type().qualified_name()}")
    return Part(module, key, sum(map(numbers, weights)), bytes_of(weights))


def _weights(held: Any) -> list[Tensor]:
    """Return the weights and biases in a script object, each once."""
    found: dict[int, Tensor] = {}
    for tensor in _tensors(held):
        if tensor.is_floating_point() or tensor.is_quantized:
            found.setdefault(tensor.data_ptr(), tensor)
    return list(found.values())


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)
    elif type(value) is _SCRIPT_OBJECT:
        held: Any = value
        yield from _tensors(held.unpack() if held._has_method("unpack") else held.__getstate__())


def _bytes(tensor: Any) -> int:
    if type(tensor) in _PLAIN and tensor.layout is torch.strided and not tensor.is_quantized:
        return int(tensor.nbytes)
    if hasattr(type(tensor), "__tensor_flatten__"):
        return bytes_of(getattr(tensor, name) for name in tensor.__tensor_flatten__()[0])
    if type(tensor) not in _PLAIN:
        return int(tensor.numel() * tensor.element_size()) + bytes_of(_attached(tensor))
    if tensor.is_quantized:
        return int(tensor.untyped_storage().nbytes()) + bytes_of(_per_channel(tensor))
    if tensor.layout is torch.sparse_coo:
        return bytes_of((tensor._indices(), tensor._values()))
    if tensor.layout in _INDICES:
        indices = [getattr(tensor, name)() for name in _INDICES[tensor.layout]]
        return bytes_of((*indices, tensor.values()))
    return int(tensor.numel() * tensor.element_size())


def _attached(tensor: Tensor) -> list[Tensor]:
    """Return the tensors that a class of tensors keeps beside its elements, such as scales."""
    found = {_address(each): each for each in _reached(tensor.__dict__, deep=3)}
    own = tensor.shape, tensor.dtype  # the elements under another name
    return [each for each in found.values() if (each.shape, each.dtype) != own]


def _reached(attributes: Mapping[str, Any], deep: int) -> Iterator[Tensor]:
    for value in attributes.values():
        if isinstance(value, Tensor):
            yield value
        elif deep and hasattr(value, "__dict__") and not isinstance(value, nn.Module | type):
            yield from _reached(vars(value), deep - 1)


def _address(tensor: Tensor) -> int:
    return tensor.data_ptr() or id(tensor)  # on the meta device there is none


def _per_channel(tensor: Tensor) -> tuple[Tensor, ...]:
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return ()
    return tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()


def _packed_into_integers(
    module: nn.Module, tensors: Sequence[Tensor], integers: Sequence[Tensor]
) -> int:
    """Return the weights and biases of a layer that stores integers for its weights; else 0."""
    weights = _weights_said(module)
    others = (each for each in tensors if not _is_integer(each))
    if not weights or any(numbers(each) == weights for each in others):
        return 0
    if max(8 * _bytes(each) for each in integers) < weights:  # less than a bit for each
        return 0
    bias = getattr(module, "bias", None)
    return weights + (bias.numel() if isinstance(bias, Tensor) else 0)


def _is_integer(tensor: Tensor) -> bool:
    dtype = tensor.dtype
    return not (dtype.is_floating_point or dtype.is_complex or dtype is torch.bool)


def _weights_said(module: nn.Module) -> int:
    """Return the weights that a linear layer or a convolution says it has."""
    said = module.__dict__
    for inputs, outputs in _EXTENTS:
        if isinstance(said.get(inputs), int) and isinstance(said.get(outputs), int):
            return int(said[inputs] * said[outputs])
    kernel = said.get("kernel_size")
    if isinstance(kernel, tuple) and isinstance(said.get("in_channels"), int):
        both = said["in_channels"] * said.get("out_channels", 0)
        return int(both * math.prod(kernel) // said.get("groups", 1))
    return 0
