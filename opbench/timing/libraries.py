"""Load the libraries of convolution and matrix product.

Their code grows a process by tens of megabytes, and cuBLAS keeps a workspace of its own for each
stream: 32 MiB of PyTorch's allocator on an H100.  Loaded before memory is watched, they are no
growth of whichever network comes first.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from opbench.timing.device import Device, own_work


@torch.inference_mode()
def load_libraries(device: Device) -> None:
    """Carry out small convolutions and products where ``device`` carries out a network."""
    images = torch.zeros(1, 8, 8, 8, device=device.name)
    weights = torch.zeros(8, 8, 3, 3, device=device.name)
    matrix, bias = torch.zeros(8, 288, device=device.name), torch.zeros(8, device=device.name)

    def products() -> None:
        features = functional.conv2d(images, weights).flatten(1)
        functional.linear(features, matrix)
        functional.linear(features, matrix, bias)

    own_work(device, products)
