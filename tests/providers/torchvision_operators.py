"""torchvision beside a torch it was not built for: the operators that its import asks for.

The wheel on the package index is compiled for CUDA and loads its operators from a library that a
CPU-only torch cannot load; without them torchvision does not import, nor does timm.  Importing
this module first declares them, by the signatures that torchvision documents, and carries out the
two that networks of its model zoo run, slowly and in plain Python.  For tests only: a program
that wants torchvision installs the build that belongs to its torch.

Nothing is declared where torchvision's own library loads, or where torchvision is absent.
"""

from __future__ import annotations

import ctypes
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

_BACKWARD = (
    "int batch_size, int channels, int height, int width, int sampling_ratio, bool aligned) "
    "-> Tensor"
)
_ROI = "Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width"
_ROI_GRAD = "Tensor grad, Tensor rois, {}float spatial_scale, int pooled_height, int pooled_width"
_SIZE = "int batch_size, int channels, int height, int width"
_DEFORM = (
    "int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h, int dilation_w, "
    "int groups, int offset_groups, bool use_mask)"
)
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"roi_align({_ROI}, int sampling_ratio, bool aligned) -> Tensor",
    f"qroi_align({_ROI}, int sampling_ratio, bool aligned) -> Tensor",
    f"roi_pool({_ROI}) -> (Tensor, Tensor)",
    f"ps_roi_align({_ROI}, int sampling_ratio) -> (Tensor, Tensor)",
    f"ps_roi_pool({_ROI}) -> (Tensor, Tensor)",
    f"_roi_align_backward({_ROI_GRAD.format('')}, {_BACKWARD}",
    f"_roi_pool_backward({_ROI_GRAD.format('Tensor argmax, ')}, {_SIZE}) -> Tensor",
    f"_ps_roi_align_backward({_ROI_GRAD.format('Tensor channel_mapping, ')}, int sampling_ratio, "
    f"{_SIZE}) -> Tensor",
    f"_ps_roi_pool_backward({_ROI_GRAD.format('Tensor channel_mapping, ')}, {_SIZE}) -> Tensor",
    f"deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    f"{_DEFORM} -> Tensor",
    f"_deform_conv2d_backward(Tensor grad, Tensor input, Tensor weight, Tensor offset, "
    f"Tensor mask, Tensor bias, {_DEFORM} -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    "_cuda_version() -> int",
)


def needed() -> bool:
    """Whether torchvision is installed and its own operators cannot be loaded."""
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    libraries = list(Path(spec.origin).parent.glob("_C*.so"))
    try:
        ctypes.CDLL(str(libraries[0]))
    except (OSError, IndexError):
        return True
    return False


def declare() -> torch.library.Library:
    """Declare every operator; the library has to be kept for as long as they are used."""
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
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


def provide() -> torch.library.Library | None:
    """Declare what is missing, import torchvision and tell it that its operators are there."""
    if not needed():
        return None
    library = declare()
    import_module("torchvision")
    for name, module in list(sys.modules.items()):
        if name.startswith("torchvision.") and hasattr(module, "_has_ops"):
            module._has_ops = lambda: True  # type: ignore[attr-defined]
    return library


_LIBRARY = provide()
