"""Read the answers from the outputs of a network: the best classes, and how close the call was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from opbench.accuracy.measured.lines import TOP
from opbench.errors import TargetError

# Of the largest output, in float32: what another order of summation moves an output by at most.
_NOISE = 1e-4


class Ranked(NamedTuple):
    """The best classes of one image, best first, and by how much each output exceeds the next."""

    top: tuple[int, ...]
    margins: tuple[float, ...]


def class_outputs(value: Any, images: int) -> Tensor:
    """Return the outputs of a batch, images x classes, on the CPU.

    Of several tensors the one called logits or out is meant, or else the first.
    Raises ``TargetError`` where there is no row of two classes or more for each image, and where
    they have no order.
    """
    tensor = _tensor(value)
    if tensor is None:
        raise TargetError(
            f"the network returns a {type(value).__name__}: to be evaluated it has to return a "
            "tensor, images x classes"
        )
    if tensor.dtype is torch.bool or tensor.is_complex() or tensor.layout is not torch.strided:
        kind = str(tensor.dtype).removeprefix("torch.")
        sparse = "" if tensor.layout is torch.strided else "sparse "
        raise TargetError(
            f"the network returns a {sparse}tensor of {kind}: to be evaluated it has to return a "
            "dense one of real numbers, the largest for the best class"
        )
    shape = "x".join(map(str, tensor.shape))
    if tensor.dim() > 2 and tensor[0, :, ...].numel() == tensor.shape[1]:
        tensor = tensor.flatten(1)
    if tensor.dim() != 2 or len(tensor) != images or tensor.shape[1] < 2:
        raise TargetError(
            f"the network returns {shape} for {images} images: to be evaluated it has to return "
            "images x classes"
        )
    return tensor.detach().to(device="cpu", dtype=torch.float64)


def ranked(outputs: Tensor) -> list[Ranked]:
    """Return the best classes of each image; of equal outputs the first class is better."""
    values, order = outputs.sort(dim=1, descending=True, stable=True)
    top, best = order[:, :TOP].tolist(), values[:, : TOP + 1]
    margins = (best[:, :-1] - best[:, 1:]).tolist()
    # Digits beyond these depend on the order of summation.
    return [
        Ranked(tuple(classes), tuple(float(f"{margin:.4g}") for margin in row))
        for classes, row in zip(top, margins, strict=True)
    ]


def finite(outputs: Tensor) -> list[bool]:
    """Return for each image whether all of its outputs are finite."""
    return [bool(each) for each in outputs.isfinite().all(dim=1)]


def too_close(outputs: Tensor, ranks: list[Ranked]) -> list[int]:
    """Return the images whose best classes could change places by rounding in float32."""
    limits = (_NOISE * outputs.abs().amax(dim=1)).tolist()
    return [
        index
        for index, (each, limit) in enumerate(zip(ranks, limits, strict=True))
        if min(each.margins) <= limit
    ]


def _tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    for name in ("logits", "out"):
        found = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if isinstance(found, Tensor):
            return found
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return next((each for each in value if isinstance(each, Tensor)), None)
    return None
