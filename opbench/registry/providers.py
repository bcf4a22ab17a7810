"""Build the networks of torchvision and timm by name.

Both are extras.  torchvision's compiled operators are done without where they were built for
another torch.  Networks are built as the library builds them without weights, or with weights that
are on disk; none are ever downloaded.  A name with a dot is that of a set of weights
(``resnet50.a1_in1k`` of timm, ``resnet50.IMAGENET1K_V2`` of torchvision): the network is built as
those weights need it, which may have other classes, an auxiliary classifier, integers for weights,
or images of another size.

The size of an image is the one that the library evaluates the network on, and for torchvision the
one of its published operation counts:

    classification    the crop of the weights, the smallest where they are not named
    segmentation      the size that images are resized to
    video             16 frames of the crop
    detection         512 x 512, which the network resizes itself
    optical flow      512 x 512, and two images at a time
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from opbench.errors import MissingExtraError, UnknownNameError, describe
from opbench.names import matching
from opbench.registry import torchvision_operators
from opbench.registry.hints import PROVIDERS as PROVIDERS

_FALLBACK = 224
_FRAMES = 16
_UNCROPPED = 512
# With weights, these undo torchvision's normalisation and apply that of the weights' authors.
_NORMALISED_AGAIN = {"googlenet", "inception_v3"}


def match(provider: str, pattern: str) -> list[str]:
    """Return the names that a glob matches; with a dot, those of sets of weights.

    Raises ``UnknownNameError`` with near matches, ``MissingExtraError`` for an absent library.
    """
    names = weights(provider) if "." in pattern else _names(provider)
    matches = [*matching(pattern, names)]
    if not matches:
        raise UnknownNameError(
            f"{provider} network", pattern, names, see="check the spelling", globs=True
        )
    return matches


@cache
def weights(provider: str) -> list[str]:
    """Return the name of every set of weights: NETWORK.WEIGHTS."""
    if provider == "timm":
        return cast(list[str], _library("timm").list_models(pretrained=True))
    return [
        f"{name}.{each.name}"
        for name in _names(provider)
        for each in _models().get_model_weights(name)
    ]


def build(provider: str, name: str) -> nn.Module:
    """Build the network with fresh weights."""
    if provider == "timm":
        return cast(nn.Module, _library("timm").create_model(name, pretrained=False))
    network, _, tag = name.partition(".")
    options = _options(network) | (_options_for_weights(network, tag) if tag else {})
    return cast(nn.Module, _models().get_model(network, weights=None, **options))


def _options(network: str) -> dict[str, Any]:
    if task(network) in {"detection", "segmentation"}:
        return {"weights_backbone": None}  # would be downloaded otherwise
    if network.removeprefix("quantized_") in {"googlenet", "inception_v3"}:
        return {"init_weights": False}  # slow, and warns unless told
    return {}


def _options_for_weights(network: str, tag: str) -> dict[str, Any]:
    """Return what torchvision changes of a network when it loads the weights ``tag`` into it."""
    options: dict[str, Any] = {}
    if network.startswith("quantized_"):
        options["quantize"] = True
    if network.startswith("vit_"):
        options["image_size"] = input_size("torchvision", f"{network}.{tag}")[-1]
    if network.startswith(("fcn_", "deeplabv3_")):
        options["aux_loss"] = True
    if network.removeprefix("quantized_") in _NORMALISED_AGAIN:
        options["transform_input"] = True
    if network.removeprefix("quantized_") == "googlenet":
        options["aux_logits"] = False
    return options


def pretrained(provider: str, name: str, file: Path) -> nn.Module:
    """Build the network of the weights ``name`` with those weights, read from the library's file.

    The library reads and converts them as it would after a download.  Raises whatever it raises
    where that fails.
    """
    if provider == "timm":
        # The library's own reader for weights in a format of their authors, not of PyTorch.
        custom = timm_config(name).custom_load if file.suffix == ".npz" else False
        overlay = {"file": str(file), "custom_load": custom}
        library = _library("timm")
        return cast(
            nn.Module, library.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
        )
    (weights,) = torchvision_weights(name)
    network = name.partition(".")[0]
    options = {"quantize": True} if network.startswith("quantized_") else {}
    with _downloads_replaced_by(file):
        return cast(nn.Module, _models().get_model(network, weights=weights, **options))


@contextmanager
def _downloads_replaced_by(file: Path) -> Iterator[None]:
    """Let torchvision read ``file`` instead of a download, and nothing in it but tensors."""
    api: Any = import_module("torchvision.models._api")
    original = api.load_state_dict_from_url

    def load(*_: object, **__: object) -> Any:
        return torch.load(file, map_location="cpu", weights_only=True)

    api.load_state_dict_from_url = load
    try:
        yield
    finally:
        api.load_state_dict_from_url = original


def input_size(provider: str, name: str) -> tuple[int, ...]:
    """Return the size of one image, (C, H, W), or of one clip, (C, T, H, W)."""
    if provider == "timm":
        config = timm_config(name)
        return tuple(config.input_size) if config else (3, _FALLBACK, _FALLBACK)
    kind = task(name)
    if kind in {"detection", "optical_flow"}:
        return (3, _UNCROPPED, _UNCROPPED)
    height, width = _evaluated_at(name, "resize_size" if kind == "segmentation" else "crop_size")
    return (3, _FRAMES, height, width) if kind == "video" else (3, height, width)


def images_per_pass(provider: str, name: str) -> int:
    """Return the number of images that one forward pass takes as its arguments."""
    return 2 if provider == "torchvision" and task(name) == "optical_flow" else 1


def version(name: str) -> str:
    """Return the release that a target comes from, as in "timm 1.0"; "" for other targets."""
    provider = name.partition(":")[0]
    try:
        return f"{provider} {version_of(provider)}" if provider in PROVIDERS else ""
    except PackageNotFoundError:
        return provider


def release(provider: str) -> str:
    """Return the release of a library that is installed."""
    return version_of(provider)


def task(name: str) -> str:
    """Return torchvision's "classification", "detection", "optical_flow", "quantization", ..."""
    parts = _models().get_model_builder(name.partition(".")[0]).__module__.split(".")
    return str(parts[2]) if len(parts) > 3 else "classification"


def torchvision_weights(name: str) -> list[Any]:
    """Return the sets of weights of a network of torchvision, or the one that is named."""
    network, _, tag = name.partition(".")
    every = _models().get_model_weights(network)
    return [every[tag]] if tag else [*every]


def default_weights(provider: str, name: str) -> str:
    """Return NETWORK.WEIGHTS, the library's choice where ``name`` is without; "" without any."""
    if provider == "timm":
        config = timm_config(name)
        if config is None or not config.has_weights:
            return ""
        return f"{name}.{config.tag}" if config.tag and "." not in name else name
    if "." in name:
        return name
    sets = _models().get_model_weights(name).__members__  # DEFAULT is another name of one
    return f"{name}.{sets['DEFAULT'].name}" if "DEFAULT" in sets else ""


def timm_config(name: str) -> Any:
    """Return timm's own description of a set of weights."""
    return _library("timm").models.get_pretrained_cfg(name)


def _evaluated_at(name: str, key: str) -> tuple[int, int]:
    sizes = []
    for each in torchvision_weights(name):
        size = getattr(each.transforms(), key, ())
        if size:
            sizes.append((size[0], size[-1]))
    return min(sizes, default=(_FALLBACK, _FALLBACK))


@cache
def _names(provider: str) -> list[str]:
    if provider == "timm":
        return cast(list[str], _library("timm").list_models())
    return cast(list[str], _models().list_models())


def _models() -> Any:
    return _library("torchvision").models


@cache
def _library(provider: str) -> Any:
    try:
        return torchvision_operators.load(lambda: import_module(provider))
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(_why_not_imported(provider, error)) from error


def _why_not_imported(provider: str, error: Exception) -> str:
    """Return what to install: the library, or a torchvision that was built for this torch."""
    if isinstance(error, ModuleNotFoundError) and error.name == provider:
        return f"{provider} is not installed: run `pip install 'opbench[{provider}]'`"
    if "torchvision" in str(error) and version("torchvision:"):
        needs = "" if provider == "torchvision" else f"{provider} needs torchvision, and "
        return f"{needs}{torchvision_operators.remedy()}"
    return f"{provider} cannot be imported: {describe(error)}; reinstall it for this torch"
