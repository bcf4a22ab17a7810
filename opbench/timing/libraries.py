"""Load the libraries of convolution and matrix product.

Their code grows a process by tens of megabytes, and cuBLAS keeps a workspace of its own: 32 MiB of
PyTorch's allocator on an H100.  Loaded before memory is watched, they are no growth of whichever
network comes first.
"""

from __future__ import annotations

import torch
from torch.nn import functional


@torch.inference_mode()
def load_libraries(device: str) -> None:
    """Carry out a small convolution and a small matrix product on ``device``."""
    images = torch.zeros(1, 8, 8, 8, device=device)
    weights = torch.zeros(8, 8, 3, 3, device=device)
    maps = functional.conv2d(images, weights)
    functional.linear(maps.flatten(1), torch.zeros(8, 288, device=device))
