"""Say why a network cannot run: on which inputs, in which module, on which line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from traceback import walk_tb
from typing import Any

from torch import Tensor, nn

from opbench.counting.scopes import shape_of
from opbench.errors import CountError, describe
from opbench.spec import Shape

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_AXES = {1: "length", 2: "height x width", 3: "frames x height x width"}
_INDICES = re.compile("Long|Int; but got|indices|IntTensor")


def run_error(network: nn.Module, inputs: Sequence[Any], error: BaseException) -> CountError:
    """Return the error of a forward pass of ``network`` that raised ``error``."""
    name = type(network).__name__
    module = _innermost(network, error)
    if hint := _wrong_size(network, module, inputs) or _not_from_a_size(inputs, error):
        return CountError(f"{name} {hint}")
    shapes = " and ".join(str(shape_of(each) or "") for each in inputs if isinstance(each, Tensor))
    place = f" (in {module})" if module else ""
    return CountError(f"{name} cannot run on {shapes or 'these inputs'}{place}: {describe(error)}")


def _wrong_size(network: nn.Module, failed: str, inputs: Sequence[Any]) -> str:
    """Say which images the network takes, where its first convolution refuses this; else nothing.

    ``failed`` is the name of the module that raised.
    """
    convolutions = (each for each in network.modules() if isinstance(each, _CONVOLUTIONS))
    first, given = next(convolutions, None), _only_image(inputs)
    if first is None or given is None or network.get_submodule(failed) is not first:
        return ""
    channels, axes = first.in_channels, len(first.kernel_size)
    if len(given) == axes + 1 and given[0] == channels:
        return ""
    meant = (channels, *_extents(given, channels, axes))
    return (
        f"takes images of {channels} x {_AXES[axes]}, not {Shape(given)}: "
        f"did you mean {Shape(meant)}?"
    )


def _extents(given: tuple[int, ...], channels: int, axes: int) -> tuple[int, ...]:
    """Return the extents that were meant: channels may stand last or first, extents be missing."""
    if len(given) > 1 and given[-1] == channels:
        given = given[:-1]
    elif 1 < len(given) <= axes and given[0] == channels:
        given = given[1:]
    return (given[-axes:] + given[-1:] * axes)[:axes]


def _not_from_a_size(inputs: Sequence[Any], error: BaseException) -> str:
    """Say how to give inputs that a size cannot describe, where the error says that they lack."""
    if _only_image(inputs) is None:
        return ""
    advice = "name a function that returns a pair (module, tuple of inputs)"
    if isinstance(error, TypeError) and "forward() missing" in str(error):
        return f"takes more than one input, and an input size gives one: {advice}"
    if _INDICES.search(str(error)):
        return f"takes integers, and an input size gives floating-point numbers: {advice}"
    return ""


def _only_image(inputs: Sequence[Any]) -> tuple[int, ...] | None:
    """Return the shape of one image, as a size gives it; None for other inputs."""
    if len(inputs) != 1 or not isinstance(inputs[0], Tensor) or not inputs[0].is_floating_point():
        return None
    return tuple(inputs[0].shape[1:]) or None


def _innermost(network: nn.Module, error: BaseException) -> str:
    """Return the qualified name of the innermost module that was running; "" is the network."""
    names = {id(module): name for name, module in network.named_modules()}
    running = [id(frame.f_locals.get("self")) for frame, _ in walk_tb(error.__traceback__)]
    return next((names[each] for each in reversed(running) if each in names), "")
