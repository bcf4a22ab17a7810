"""Read weights from a file, and put them into a network whose names are the same.

A file is data: .safetensors holds nothing but tensors, and of what ``torch.save`` writes only
tensors and plain values are read.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from opbench.errors import BadFileError, MissingExtraError, describe, message_of
from opbench.escapes import printable
from opbench.spec import Shape

SAFETENSORS = ".safetensors"
SUFFIXES = (SAFETENSORS, ".pth", ".pt", ".bin", ".ckpt", ".tar")
# Training scripts save weights beside other things, under one of these names.
_KEYS = ("state_dict", "model")
_SHOWN, _LONGEST = 3, 80
# In PyTorch's message about what it does not read without running it.
_RUNS_CODE = re.compile("GLOBAL|via `add_safe_globals`|TorchScript")


class WeightFile(NamedTuple):
    """The weights of a file by name; ``told`` says which of its parts they are, "" where all."""

    values: Mapping[str, Any]
    told: str = ""


def read_weights(path: Path) -> WeightFile:
    """Read a file of weights.

    Raises ``BadFileError`` for one that is missing, damaged, without weights, or that would have
    to run code; ``MissingExtraError`` for a .safetensors file without the package.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadFileError(
            f"{path} is no file of weights: name one that ends in {', '.join(SUFFIXES[:-1])} or "
            f"{SUFFIXES[-1]}"
        )
    if not path.is_file():
        raise BadFileError(f"{path} does not exist, or is not a file: name a file of weights")
    try:
        found = _safetensors().load_file(path) if _is_safe(path) else _unpickled(path)
    except MissingExtraError:
        raise
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged file raises almost anything
        raise BadFileError(_why_not_read(path, error)) from error
    return _weights_in(path, found)


def require_reader(path: Path) -> None:
    """Raise ``MissingExtraError`` where a file cannot be read for the lack of a package."""
    if _is_safe(path):
        _safetensors()


def _is_safe(path: Path) -> bool:
    return path.suffix.lower() == SAFETENSORS


def _safetensors() -> Any:
    try:
        return import_module("safetensors.torch")
    except ImportError as error:
        raise MissingExtraError(
            "safetensors, which reads .safetensors files, is not installed: "
            "pip install 'opbench[weights]'"
        ) from error


def _unpickled(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a program of TorchScript, which is refused
        return torch.load(path, map_location="cpu", weights_only=True)


def _why_not_read(path: Path, error: Exception) -> str:
    message = message_of(error)
    if _RUNS_CODE.search(message):
        return (
            f"{path} holds more than weights, and reading it would run code: save "
            "`module.state_dict()` alone, by torch.save or as .safetensors"
        )
    if isinstance(error, UnpicklingError):
        message = "it is no file of torch.save"
    first = message.strip().partition("\n")[0]
    return (
        f"{path} cannot be read as weights ({printable(first) or type(error).__name__}): it is "
        "damaged or of another kind; copy or download it anew"
    )


def _weights_in(path: Path, found: Any) -> WeightFile:
    if not isinstance(found, Mapping):
        raise BadFileError(
            f"{path} holds a {type(found).__name__}, and not weights by name: save "
            "`module.state_dict()`"
        )
    key = next((key for key in _KEYS if _is_weights(found.get(key))), "")
    values = found[key] if key else found
    if not _is_weights(values):
        raise BadFileError(f"{path} holds no weights by name: save `module.state_dict()`")
    others = [str(each) for each in found if key and each != key and _is_weights(found[each])]
    beside = f", not its {_list(others)}" if others else ""
    return WeightFile(values, f"its {key}{beside}" if key else "")


def _is_weights(found: Any) -> bool:
    return (
        isinstance(found, Mapping)
        and all(isinstance(name, str) for name in found)
        and any(isinstance(value, Tensor) for value in found.values())
    )


def fit(module: nn.Module, weights: Mapping[str, Any], path: Path, target: str) -> None:
    """Put weights into a network that has exactly their names, shapes and kinds of numbers.

    Names are those that PyTorch asks for, which counts batches itself where an old file does not.
    Raises ``BadFileError`` naming what differs; the network is then loaded in part.
    """
    own = module.state_dict()
    differing = [
        f"{_short(name)} ({told})"
        for name, value in own.items()
        if name in weights and (told := _difference(weights[name], value))
    ]
    missing: Sequence[str] = [name for name in own if name not in weights]
    unexpected: Sequence[str] = [name for name in weights if name not in own]
    if not differing:
        try:
            missing, unexpected = module.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise BadFileError(f"{path} does not fit {target}: {describe(error)}") from error
    problems = [
        f"{told}: {len(names)} ({_list(names)})"
        for told, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape or type", differing),
        )
        if names
    ]
    if problems:
        raise BadFileError(
            f"{path} does not fit {target}: {', '.join(problems)}; {_remedy(own, weights)}"
        )


def _difference(theirs: Any, own: Any) -> str:
    """Return in which way two values differ that have one name; "" where one takes the other."""
    if not isinstance(own, Tensor) or is_lazy(own):
        return ""
    if not isinstance(theirs, Tensor):
        return f"{type(theirs).__name__} in the file"
    if theirs.shape != own.shape:
        return f"{_size(theirs)} in the file, {_size(own)} in the network"
    if _kind(theirs) != _kind(own):
        kinds = (str(each.dtype).removeprefix("torch.") for each in (theirs, own))
        return "{} in the file, {} in the network".format(*kinds)
    return ""


def _size(tensor: Tensor) -> str:
    return str(Shape(tensor.shape)) or "one number"


def _kind(tensor: Tensor) -> str:
    """Return the kind of numbers; those of one kind are converted, as float16 to float32."""
    if tensor.is_quantized:
        return str(tensor.dtype)
    if tensor.is_floating_point():
        return "real"
    return "complex" if tensor.is_complex() else "bool" if tensor.dtype == torch.bool else "integer"


def _remedy(own: Mapping[str, Any], weights: Mapping[str, Any]) -> str:
    if prefix := _prefix(weights, own):
        return (
            f"every name in the file begins with '{_short(prefix)}': save it without, as in "
            f"{{name.removeprefix('{_short(prefix)}'): value for name, value in weights.items()}}"
        )
    if prefix := _prefix(own, weights):
        return (
            f"every name of the network begins with '{_short(prefix)}': save the weights with it, "
            "or evaluate that part of the network"
        )
    return "name the file of this network's weights"


def _prefix(longer: Collection[str], shorter: Collection[str]) -> str:
    """Return what every name of ``longer`` has in front of one of ``shorter``, else ""."""
    first = next(iter(longer), "")
    for end in [at + 1 for at, sign in enumerate(first) if sign == "."]:
        prefix = first[:end]
        if not all(name.startswith(prefix) for name in longer):
            return ""
        if any(name.removeprefix(prefix) in shorter for name in longer):
            return prefix
    return ""


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(map(_short, names[:_SHOWN]))
    return f"{shown}, …" if len(names) > _SHOWN else shown


def _short(name: str) -> str:
    return printable(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…")
