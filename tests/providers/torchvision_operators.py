"""Two operators of torchvision in plain Python, for the networks of its zoo that run them.

Importing this module imports torchvision, beside a torch that it was not built for, too; only
there are they used.  Slow, and for tests: whoever wants to run such a network installs the build of
torchvision that belongs to the torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

from opbench.registry import torchvision_operators as product


def provide() -> torch.library.Library | None:
    """Import torchvision where it is installed, and implement what it lacks."""
    if find_spec("torchvision") is None:
        return None
    product.load(lambda: import_module("torchvision"))
    if not product.declared():
        return None
    library = torch.library.Library("torchvision", "IMPL")
    library.impl("nms", suppress_overlaps, "CPU")
    library.impl("roi_align", align, "CPU")
    return library


def suppress_overlaps(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes (N, 4) that overlap with no better one, best first."""
    x1, y1, x2, y2 = boxes.unbind(1)
    areas = (x2 - x1) * (y2 - y1)
    order = scores.argsort(descending=True, stable=True)
    kept = []
    while order.numel():
        best, rest = order[0], order[1:]
        kept.append(best)
        width = (torch.minimum(x2[best], x2[rest]) - torch.maximum(x1[best], x1[rest])).clamp(min=0)
        height = (torch.minimum(y2[best], y2[rest]) - torch.maximum(y1[best], y1[rest])).clamp(
            min=0
        )
        shared = width * height
        order = rest[shared <= iou_threshold * (areas[best] + areas[rest] - shared)]
    return torch.stack(kept) if kept else order


def align(
    features: Tensor,
    boxes: Tensor,
    scale: float,
    height: int,
    width: int,
    samples: int,
    aligned: bool,
) -> Tensor:
    """Boxes (K, 5) of feature maps (N, C, H, W) resampled to (K, C, height, width).

    Only a fixed number of samples in each direction, which is what the model zoo uses.
    """
    if samples <= 0:
        raise NotImplementedError("roi_align with a number of samples that depends on the box")
    half = 0.5 if aligned else 0.0
    left, top, right, bottom = (boxes[:, 1:] * scale - half).unbind(1)
    wide, high = right - left, bottom - top
    if not aligned:
        wide, high = wide.clamp(min=1), high.clamp(min=1)
    xs = left[:, None] + wide[:, None] * _centres(width, samples, features)
    ys = top[:, None] + high[:, None] * _centres(height, samples, features)
    pooled = [
        _sample(features[int(image)], y, x) for image, y, x in zip(boxes[:, 0], ys, xs, strict=True)
    ]
    if not pooled:
        return features.new_empty((0, features.shape[1], height, width))
    return torch.nn.functional.avg_pool2d(torch.stack(pooled), samples)


def _centres(bins: int, samples: int, like: Tensor) -> Tensor:
    """Where the samples lie, as fractions of the box."""
    count = bins * samples
    return (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) / count


def _sample(feature: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """A map (C, H, W) read between its pixels at every (y, x): (C, y, x)."""
    low_y, high_y, part_y, inside_y = _neighbours(y, feature.shape[1])
    low_x, high_x, part_x, inside_x = _neighbours(x, feature.shape[2])
    rows = feature[:, low_y] * (1 - part_y)[:, None] + feature[:, high_y] * part_y[:, None]
    cells = rows[:, :, low_x] * (1 - part_x) + rows[:, :, high_x] * part_x
    return cells * (inside_y[:, None] & inside_x)


def _neighbours(at: Tensor, extent: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    inside = (at >= -1) & (at <= extent)
    at = at.clamp(0, extent - 1)
    low = at.floor().long()
    high = (low + 1).clamp(max=extent - 1)
    return low, high, at - low, inside


_LIBRARY = provide()
