"""TF32, in which a GPU computes float32 products with ten bits: off here unless asked for.

PyTorch's own default is off for matrix products and on for convolutions, so that float32 is another
thing in each half of a network.  Since 2.9 it has names for the precision of each kind of product
(``fp32_precision``) beside the older flags.  Where both were set its getters refuse to answer, and
a file that a network comes from may set either.  Here the newer ones are emptied and the flags set,
which then set both: every getter, PyTorch's compiler among the readers, says the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch

# Those of PyTorch 2.9 and later, from the general to the particular.
_KINDS = ("all", "matmul", "conv", "rnn")
_PARTS = (("generic", "all"), *((each, kind) for each in ("cuda", "mkldnn") for kind in _KINDS))


def set_tf32(wanted: bool) -> None:
    """Compute float32 products and convolutions with TF32 on CUDA, or in float32 everywhere."""
    for part in _newer_parts():
        torch._C._set_fp32_precision_setter(*part, "none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of some versions: that these are the older
        torch.backends.cuda.matmul.allow_tf32 = wanted
        torch.backends.cudnn.allow_tf32 = wanted


def precisions() -> dict[str, Any]:
    """Return the precision of matrix products, and whether convolutions on CUDA take TF32."""
    if not list(_newer_parts()):
        return {
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        }
    in_tf32 = {kind: torch._C._get_fp32_precision_getter("cuda", kind) == "tf32" for kind in _KINDS}
    return {
        "float32_matmul_precision": "high" if in_tf32["matmul"] else "highest",
        "cudnn_tf32": in_tf32["conv"],
    }


def _newer_parts() -> Iterator[tuple[str, str]]:
    if hasattr(torch._C, "_set_fp32_precision_setter"):
        yield from _PARTS
