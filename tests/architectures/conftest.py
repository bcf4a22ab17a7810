"""An independent count for the tests of single networks: fvcore on a real image."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

# fvcore counts one or more per element for these; they have no dot product.  Setting a handle to
# None would not switch off one that is built in, so each gets a handle that counts nothing.
_ELEMENTWISE = (
    "aten::adaptive_avg_pool2d",
    "aten::batch_norm",
    "aten::group_norm",
    "aten::instance_norm",
    "aten::layer_norm",
    "aten::upsample_bilinear2d",
    "aten::upsample_nearest2d",
)


def _nothing(inputs: list[Any], outputs: list[Any]) -> int:
    return 0


@pytest.fixture
def fvcore_macs() -> Callable[[nn.Module, tuple[int, ...]], int]:
    """``fvcore_macs(network, input_size)``: multiply-accumulates for one image."""
    from fvcore.nn import FlopCountAnalysis

    def count(network: nn.Module, input_size: tuple[int, ...]) -> int:
        logging.getLogger("fvcore").setLevel(logging.ERROR)
        with torch.inference_mode():
            analysis = FlopCountAnalysis(network.eval(), torch.randn(1, *input_size))
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            analysis.set_op_handle(**dict.fromkeys(_ELEMENTWISE, _nothing))
            return int(analysis.total())

    return count
