"""Hash of all that a network has learnt, whatever file it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from opbench.errors import BadValueError

_PLAIN = (type(None), bool, int, float, str, torch.dtype, torch.qscheme)


def sha256_of(module: nn.Module) -> str:
    """Return the SHA-256 of all parameters and persistent buffers, in the order of their names.

    Of each: name, data type, shape and bytes; of integers that stand for real numbers (quantised)
    scales and zero points as well.  Raises ``BadValueError`` where one has no values.
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items(), key=lambda item: str(item[0])):
        _add(digest, name, value)
    return digest.hexdigest()


def _add(digest: Any, name: str, value: Any) -> None:
    if isinstance(value, Tensor):
        _add_tensor(digest, name, value)
    elif isinstance(value, list | tuple):
        _add_parts(digest, name, {str(index): each for index, each in enumerate(value)})
    elif isinstance(value, Mapping):
        _add_parts(digest, name, value)
    else:
        # The text of any other object may hold its address.
        text = str(value) if isinstance(value, _PLAIN) else type(value).__qualname__
        _add_text(digest, name, type(value).__name__, text)


def _add_parts(digest: Any, name: str, parts: Mapping[Any, Any]) -> None:
    _add_text(digest, name, "parts", len(parts))
    for key, each in parts.items():
        _add(digest, f"{name}.{key}", each)


def _add_tensor(digest: Any, name: str, value: Tensor) -> None:
    if is_lazy(value) or value.is_meta:
        raise BadValueError(
            f"{name} of the network has no values yet: build the network with its weights"
        )
    if parts := _wrapped(value):
        _add_parts(digest, name, parts)
    elif value.is_quantized:
        _add_parts(digest, name, {"values": value.int_repr(), **_scales(value)})
    else:
        _add_text(digest, name, str(value.dtype), list(value.shape))
        digest.update(_bytes_of(value))


def _wrapped(value: Any) -> dict[str, Any]:
    """Return the tensors that a subclass of tensors is made of, such as torchao's integers."""
    if not is_traceable_wrapper_subclass(value):
        return {}
    names, _ = value.__tensor_flatten__()
    return {each: getattr(value, each) for each in names}


def _scales(value: Tensor) -> dict[str, Any]:
    if value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return {"scale": value.q_scale(), "zero_point": value.q_zero_point()}
    return {
        "scales": value.q_per_channel_scales(),
        "zero_points": value.q_per_channel_zero_points(),
        "axis": value.q_per_channel_axis(),
    }


def _bytes_of(value: Tensor) -> Any:
    """Return the bytes of a tensor's values in their order, however they lie in memory."""
    dense = value.detach() if value.layout == torch.strided else value.detach().to_dense()
    plain = dense.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    real = torch.view_as_real(plain).reshape(-1) if plain.is_complex() else plain
    return real.view(torch.uint8).numpy()


def _add_text(digest: Any, *facts: object) -> None:
    digest.update(json.dumps(facts).encode() + b"\n")
