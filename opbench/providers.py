"""The networks of torchvision and timm, by name.

Both are extras.  Their wheels are built for one release of torch and load compiled operators on
import; where that fails, or they are absent, the answer is one sentence.  No weights are ever
downloaded.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any, cast

from torch import nn

from opbench.errors import MissingExtraError, UnknownNameError

PROVIDERS = ("torchvision", "timm")

_FALLBACK_SIZE = (3, 224, 224)


def match(provider: str, pattern: str) -> list[str]:
    """The names that a glob matches.

    Raises ``UnknownNameError`` with near matches, ``MissingExtraError`` for an absent library.
    """
    names = _names(provider)
    matches = [name for name in names if fnmatchcase(name, pattern)]
    if not matches:
        raise UnknownNameError(f"{provider} network", pattern, names)
    return matches


def build(provider: str, name: str) -> nn.Module:
    """The network with fresh weights."""
    if provider == "timm":
        return cast(nn.Module, _library("timm").create_model(name, pretrained=False))
    # Networks with an auxiliary head initialise slowly and warn about it unless told.
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    get_model = _library("torchvision").models.get_model
    return cast(nn.Module, get_model(name, weights=None, **_backbone(name), **options))


def input_size(provider: str, name: str) -> tuple[int, ...]:
    """The size of one image that the library itself evaluates the network on."""
    if provider == "timm":
        config = _library("timm").models.get_pretrained_cfg(name)
        return tuple(config.input_size) if config else _FALLBACK_SIZE
    weights = _library("torchvision").models.get_model_weights(name)
    sizes = {
        size[0]
        for weight in weights
        if (size := getattr(weight.transforms(), "crop_size", None)) and len(size) == 1
    }
    return (3, min(sizes), min(sizes)) if sizes else _FALLBACK_SIZE


def _backbone(name: str) -> dict[str, Any]:
    """Detection and segmentation networks would otherwise download a backbone's weights."""
    module = import_module("torchvision.models").get_model_builder(name).__module__
    return {"weights_backbone": None} if ".detection" in module or ".segmentation" in module else {}


@cache
def _names(provider: str) -> list[str]:
    library = _library(provider)
    listing = library.list_models if provider == "timm" else library.models.list_models
    return cast(list[str], listing())


@cache
def _library(provider: str) -> Any:
    try:
        return import_module(provider)
    except (ImportError, RuntimeError) as error:
        # torchvision beside a torch it was not built for raises RuntimeError, not ImportError.
        raise MissingExtraError(
            f"{provider} cannot be imported here ({str(error).splitlines()[0]}): "
            f"`pip install 'opbench[{provider}]'`, beside the torch build it is made for"
        ) from error
