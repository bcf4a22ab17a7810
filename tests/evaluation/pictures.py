"""Pictures for tests of what is done to images."""

from __future__ import annotations

import numpy as np
from PIL import Image


def photograph(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """An image with slopes and noise, so that every filter gives other values."""
    random = np.random.default_rng(width * 1000 + height)
    rows, columns = np.mgrid[0:height, 0:width]
    slopes = (rows * 3 + columns * 2)[..., None] % 256 + random.integers(
        -60, 60, (height, width, 3)
    )
    return Image.fromarray(slopes.clip(0, 255).astype(np.uint8)).convert(mode)
