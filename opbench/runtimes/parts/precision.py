"""Keep the libraries from computing in less than they are asked for."""

from __future__ import annotations

import os

# With which oneDNN, below PyTorch on the processor, computes float32 in bfloat16.
_OF_ONEDNN = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")


def compute_as_asked() -> None:
    """Forget what the environment says of oneDNN's arithmetic, which it reads when it first works.

    PyTorch's own settings are those of ``opbench.timing.tf32``.
    """
    for name in _OF_ONEDNN:
        os.environ.pop(name, None)
