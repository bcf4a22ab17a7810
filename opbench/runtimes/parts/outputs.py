"""Compare the outputs of a runtime with those of eager float32 on the same inputs.

The limits are several times what sound networks show, and far below what another precision shows.
Of the registry's networks ONNX Runtime and OpenVINO are off by 6e-6 at most in float32, where a
rounding changes a number by up to 2^-24 = 6e-8 of it; eager and OpenVINO by up to 1.7e-2 in
bfloat16, where it is 2^-8 = 4e-3: float32 that is computed in bfloat16 shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# The largest error of the outputs, relative to the largest output, in the precision that a runtime
# says it computes in.
LIMITS = {
    "float64": 1e-4,  # the reference is float32
    "float32": 1e-4,
    "tf32": 1e-2,  # ten bits
    "float16": 1e-2,  # ten bits
    "bfloat16": 5e-2,  # seven bits
    "int8": 2e-1,  # steps of a 255th of the range of each activation, and those of the weights
}
# Of outputs that are not finite where they should be, or of other shapes.
UNLIKE = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDifference:
    """The difference between outputs.

    error: the largest absolute difference over the largest absolute output that it should be, of
        the tensor in which that is largest.
    agreement: the part of the answers whose largest output, along the second axis, is the same.
    """

    error: float
    agreement: float


def limit_of(precision: str) -> float | None:
    """Return the largest error of a precision, None of one that has no limit."""
    return LIMITS.get(precision)


def difference(wanted: Sequence[Tensor], found: Sequence[Tensor]) -> OutputDifference:
    """Compare tensors one by one."""
    if [each.shape for each in wanted] != [each.shape for each in found]:
        return OutputDifference(error=UNLIKE, agreement=0.0)
    pairs = [(_exact(one), _exact(other)) for one, other in zip(wanted, found, strict=True)]
    errors = [_error(one, other) for one, other in pairs]
    agreement = _agreement(*pairs[0]) if pairs else 1.0
    return OutputDifference(error=max(errors, default=0.0), agreement=agreement)


def _exact(value: Tensor) -> Tensor:
    return value.detach().to("cpu").to(torch.float64)


def _error(wanted: Tensor, found: Tensor) -> float:
    finite = torch.isfinite(wanted)
    if not torch.equal(finite, torch.isfinite(found)):
        return UNLIKE
    wanted, found = wanted[finite], found[finite]
    largest = wanted.abs().max().item() if wanted.numel() else 0.0
    off = (wanted - found).abs().max().item() if wanted.numel() else 0.0
    if off == 0:
        return 0.0
    return min(off / largest, UNLIKE) if largest else UNLIKE


def _agreement(wanted: Tensor, found: Tensor) -> float:
    if wanted.dim() < 2 or not wanted.numel():
        return float(torch.equal(wanted, found))
    return (wanted.argmax(1) == found.argmax(1)).double().mean().item()
