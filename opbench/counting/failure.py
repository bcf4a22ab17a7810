"""Say why a network cannot run: on which inputs, in which module, on which line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from traceback import walk_tb

from torch import Tensor, nn

from opbench.counting.arguments import Arguments
from opbench.counting.signature import misfit, unnamed
from opbench.counting.tracing.scopes import shape_of
from opbench.errors import CountError, describe, message_of
from opbench.spec import Shape

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_AXES = {1: "length", 2: "height x width", 3: "frames x height x width"}
_ADVICE = "or name a function that returns a pair (module, arguments)"
_ONE_VALUE = "Expected more than 1 value per channel when training"
_INDICES = re.compile("Long|Int; but got|indices|IntTensor")


def run_error(network: nn.Module, inputs: Arguments, error: BaseException) -> CountError:
    """Return the error of a forward pass of ``network`` that raised ``error``."""
    name = type(network).__name__
    module = _innermost(network, error)
    place = f" (in {module})" if module else ""
    if _ONE_VALUE in message_of(error):
        return CountError(
            f"{name} cannot train on one value per channel{place}, of which batch normalisation "
            "has no variance: take a batch of 2 or more"
        )
    if hint := _wrong_size(network, module, inputs) or _not_from_a_size(inputs, error):
        return CountError(f"{name} {hint}")
    if isinstance(error, TypeError) and (wrong := misfit(network, inputs)):
        return CountError(f"{wrong}{_how_to_give(inputs)}")
    shapes = " and ".join(_described(inputs))
    said = f"{name} cannot run on {shapes or 'these inputs'}{place}: {describe(error)}"
    return CountError("; ".join(filter(None, (said, unnamed(network, inputs)))))


def _described(inputs: Arguments) -> Iterator[str]:
    for argument, each in inputs.named():
        if shape := shape_of(each):
            yield f"{argument}={shape}" if argument else str(shape)


def _how_to_give(inputs: Arguments) -> str:
    """Say how to give what a size cannot describe, and a size where these are integers."""
    if _only_image(inputs) is not None:
        return f": give each input with --input NAME=1x3x224x224, {_ADVICE}"
    if inputs.kwargs or not inputs.args or not all(isinstance(each, int) for each in inputs.args):
        return ""
    return f"; if {inputs.args} is the size of an image, give it with --input-size"


def _wrong_size(network: nn.Module, failed: str, inputs: Arguments) -> str:
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


def _not_from_a_size(inputs: Arguments, error: BaseException) -> str:
    """Say how to give inputs that a size cannot describe, where the error says that they lack."""
    if _only_image(inputs) is None:
        return ""
    if _INDICES.search(message_of(error)):
        return (
            "takes integers, not floating-point numbers: give them with "
            f"--input NAME=1x128:int64, {_ADVICE}"
        )
    return ""


def _only_image(inputs: Arguments) -> tuple[int, ...] | None:
    """Return the shape of one image, as a size gives it; None for other inputs."""
    (_, first), *others = *inputs.named(), ("", None)
    if len(others) != 1 or not isinstance(first, Tensor) or not first.is_floating_point():
        return None
    return tuple(first.shape[1:]) or None


def _innermost(network: nn.Module, error: BaseException) -> str:
    """Return the qualified name of the innermost module that was running; "" is the network."""
    names = {id(module): name for name, module in network.named_modules()}
    running = [id(frame.f_locals.get("self")) for frame, _ in walk_tb(error.__traceback__)]
    return next((names[each] for each in reversed(running) if each in names), "")
