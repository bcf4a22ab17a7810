"""TF32, in which a GPU computes float32 products with ten bits: off here unless asked for.

PyTorch's own default is off for matrix products and on for convolutions, so that float32 is another
thing in each half of a network.  Since 2.9 it has names for the precision of each kind of product
(``fp32_precision``) beside the older flags.  Where both were set its getters refuse to answer, and
a file that a network comes from may set either.  Here the newer ones are emptied and the flags set,
which then set both: every getter, PyTorch's compiler among the readers, says the same.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from opbench.counting.tracing.torch_state import FLOAT32_PRECISIONS


def set_tf32(wanted: bool) -> None:
    """Compute float32 products and convolutions with TF32 on CUDA, or in float32 everywhere."""
    for part in FLOAT32_PRECISIONS:
        torch._C._set_fp32_precision_setter(*part, "none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of some versions: that these are the older
        torch.backends.cuda.matmul.allow_tf32 = wanted
        torch.backends.cudnn.allow_tf32 = wanted


def precisions() -> dict[str, Any]:
    """Return the precision of matrix products, and whether convolutions on CUDA take TF32."""
    if not FLOAT32_PRECISIONS:
        return {
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        }
    return {
        "float32_matmul_precision": "high" if _in_tf32("matmul") else "highest",
        "cudnn_tf32": _in_tf32("conv"),
    }


def _in_tf32(kind: str) -> bool:
    precision: str = torch._C._get_fp32_precision_getter("cuda", kind)
    return precision == "tf32"
