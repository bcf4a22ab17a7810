"""Import torchvision beside a torch that it was not built for.

torchvision loads compiled operators when it is imported, and does not import where they were built
for another torch, "operator torchvision::nms does not exist"; timm and others import it.  Most
networks need none of them.  So the operators are declared by the signatures that torchvision
documents, and only where its own do not load; a network that runs one is told what to install.
With a signature and torchvision's own rules for shapes, networks that run them are counted on the
meta device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

import torch

from opbench.errors import MissingExtraError, message_of

_Loaded = TypeVar("_Loaded")
_MISSING = "operator torchvision::"  # in the message of torch

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


def load(importing: Callable[[], _Loaded]) -> _Loaded:
    """Return what ``importing`` returns, a call that may import torchvision."""
    try:
        return importing()
    except Exception as error:
        if declared() or not _is_missing(error):
            raise
    _forget_torchvision()
    _declare()
    with _failures_to_load_ignored():
        import_module("torchvision")
    return importing()


def _is_missing(error: BaseException | None) -> bool:
    """Return whether an import failed for an operator, also where another error hides that."""
    while error is not None and _MISSING not in message_of(error):
        error = error.__cause__ or error.__context__
    return error is not None


def declared() -> bool:
    """Return whether the operators are declared here, so that none can run."""
    return _declare.cache_info().currsize > 0


def remedy() -> str:
    """Return the sentence about a torchvision that was not built for this torch."""
    build = torch.__version__.partition("+")[2]
    index = f" --index-url https://download.pytorch.org/whl/{build}" if build else ""
    return (
        f"torchvision {version('torchvision')} was not built for torch {torch.__version__}: "
        f"run `pip install --force-reinstall torch torchvision{index}`"
    )


@cache
def _declare() -> Any:
    """Declare every operator; they are there for as long as the library is kept."""
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in SCHEMAS:
        library.define(schema)
        name = schema.partition("(")[0]
        kernel = _no_cuda if name == "_cuda_version" else partial(_refuse, name)
        library.impl(name, kernel, "CompositeExplicitAutograd")
    return library


def _no_cuda() -> int:
    return -1  # torchvision's word for a library without CUDA


def _refuse(name: str, *_: Any, **__: Any) -> NoReturn:
    raise MissingExtraError(f"it runs torchvision::{name}, and {remedy()}")


def _forget_torchvision() -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
        del sys.modules[name]


@contextmanager
def _failures_to_load_ignored() -> Iterator[None]:
    """Let torchvision take the operators that are declared for those of its library."""
    original: Any = torch.ops.load_library

    def load_library(path: str) -> None:
        try:
            original(path)
        except OSError:  # built for another torch
            return

    torch.ops.load_library = load_library  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.ops.load_library = original  # type: ignore[method-assign]
