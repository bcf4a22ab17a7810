"""Build a cell's network and its input on the device, in the type and layout of the cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from opbench.counting import count
from opbench.counting.arguments import Arguments
from opbench.counting.copies.exported import set_evaluation_mode
from opbench.counting.failure import run_error
from opbench.counting.inputs import (
    batch_size_of,
    brought_by,
    input_sizes_of,
    made,
    require_batch,
    sizeless,
    takes_size,
)
from opbench.counting.tracing.training import NothingToTrainError, switch_to_training
from opbench.errors import TargetError
from opbench.images import Images
from opbench.inputs import from_text
from opbench.record import Cell, Load
from opbench.registry.targets import Target, resolve
from opbench.runtimes import find
from opbench.timing.device import Call
from opbench.timing.measurement import random_input
from opbench.timing.stages import STAGES
from opbench.timing.training import training_step
from opbench.timing.weights import build_cheaply, level

_MEMORY_FORMATS = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}


@dataclass(frozen=True, slots=True)
class PlacedNetwork:
    """A module with the arguments of its forward pass, in evaluation or in training mode."""

    module: nn.Module
    inputs: Arguments
    training: bool = False
    images: Images | None = None

    def call(self, runtime: str, mode: str | None = None) -> Call:
        """Return a call of one forward pass or training step, which raises ``CountError`` where it
        fails."""
        function = find(runtime).prepare(self.module, mode)
        inputs = self.inputs
        forward = partial(inputs.passed_to, function)
        one = training_step(self.module, forward) if self.training else forward

        def call() -> object:
            try:
                return one()
            except NothingToTrainError:
                raise
            except (Exception, SystemExit) as error:
                raise run_error(self.module, inputs, error) from error

        return call

    def steps(self, cell: Cell) -> dict[str, Callable[[Any], Any]]:
        """Return the steps from the target's images to their best classes, by stage.

        Raises ``TargetError`` where it brings none.
        """
        if self.images is None:
            raise TargetError(imageless(cell.name))
        copy = partial(
            _placed,
            device=cell.device,
            memory_format=_MEMORY_FORMATS[cell.memory_format],
            dtype=getattr(torch, cell.dtype),
        )
        forward = find(cell.runtime).prepare(self.module, cell.compile)
        steps = (Images.decode, self.images.resize, copy, forward, self.images.postprocess)
        return dict(zip(STAGES, steps, strict=True))

    def load(self, kernels: int, traffic_bytes: int) -> Load:
        """Count what one pass asks of the machine, with its traffic as measured."""
        counted = count(self.module, self.inputs, training=self.training)
        return Load(
            **counted.totals(),
            kernels=kernels,
            traffic_bytes=traffic_bytes,
        )


def build(cell: Cell, *, own_inputs: bool, seed: int) -> PlacedNetwork:
    """Build the network of ``cell`` on its device.

    ``own_inputs`` keeps inputs that the target brings even where they are one image.  Raises
    ``TargetError`` where it cannot be built or nothing says how large its input is.
    """
    (target,) = resolve([cell.name])
    module, own = _built(target, seed)
    dtype = getattr(torch, cell.dtype)
    memory_format = _MEMORY_FORMATS[cell.memory_format]
    set_evaluation_mode(module)
    if target.spec and dtype is torch.float16:
        _level(module.to(cell.device), target, cell, seed)
    module = module.to(device=cell.device, dtype=dtype)
    if memory_format is torch.channels_last:
        # Only four-dimensional weights have channels that could come last.
        module = module.to(memory_format=memory_format)  # type: ignore[call-overload]
    place = partial(_placed, device=cell.device, memory_format=memory_format)
    if cell.inputs:
        return _ready(cell, module, _described(cell, module, seed).converted(place))
    if own is None and own_inputs and not target.input_size:
        own = brought_by(module)
    if own is None or (not own_inputs and takes_size(own, len(cell.input_size))):
        image = random_input(_size(cell), batch_size=cell.batch_size, seed=seed)
        images = Arguments((image,) * target.images)
        own = own.converted(lambda _: image) if own else images
    else:
        require_batch(cell.batch_size, own)
    if any(0 in each.shape[:1] for each in own.tensors()[:1]):
        raise TargetError("its first input is an empty batch, which takes no time: put one in it")
    placed = _ready(cell, module, own.converted(partial(place, dtype=dtype)))
    return replace(placed, images=own.images)


def _ready(cell: Cell, module: nn.Module, inputs: Arguments) -> PlacedNetwork:
    if cell.training:
        switch_to_training(module)
    return PlacedNetwork(module, inputs, cell.training)


def _level(module: nn.Module, target: Target, cell: Cell, seed: int) -> None:
    """Scale what the registry builds to the narrow range of float16."""
    image = random_input(_size(cell), seed=seed).to(cell.device)
    with torch.inference_mode():
        level(module, lambda: module(*(image,) * target.images))


def imageless(target: str) -> str:
    """Return the sentence about a target without images whose stages were to be timed."""
    return (
        f"{target} brings no images, whose stages --stages times: name a function that returns "
        "(module, [image, ...]), where an image is a path, encoded bytes or a PIL image"
    )


def own_inputs(target: Target, *, sized: bool, images: bool = False) -> dict[str, Any] | None:
    """Describe the inputs that ``target`` brings, as a ``Planned`` does; None without any.

    Those that its module keeps as an attribute do not count where a size is asked for.  Raises
    ``TargetError`` where ``images`` are needed and it brings none.
    """
    module, inputs = target.build()
    if images and (inputs is None or inputs.images is None):
        raise TargetError(imageless(target.name))
    if inputs is None and not sized:
        inputs = brought_by(module)
    if inputs is None:
        return None
    size, *others = input_sizes_of(inputs)
    return {
        "batch_size": batch_size_of(inputs),
        "input_size": str(size),
        "other_input_sizes": [*map(str, others)],
        "resizable": takes_size(inputs, len(size)),
    }


def _built(target: Target, seed: int) -> tuple[nn.Module, Arguments | None]:
    if target.spec is None:
        return target.build()
    # Only of what the registry builds is it known that the time does not depend on the weights.
    return build_cheaply(target.build, lambda built: built[0], seed)


def _described(cell: Cell, module: nn.Module, seed: int) -> Arguments:
    """Make the inputs that the user described; their types are kept."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return made(from_text(cell.inputs), module, "cpu")


def _size(cell: Cell) -> tuple[int, ...]:
    if not cell.input_size:
        raise TargetError(sizeless(cell.name))
    return cell.input_size


def _placed(
    value: Tensor,
    *,
    device: str,
    memory_format: torch.memory_format,
    dtype: torch.dtype | None = None,
) -> Tensor:
    required, value = value.requires_grad, value.detach()
    value = value.to(device=device, dtype=dtype if value.is_floating_point() else None)
    layout = memory_format if value.dim() == 4 else torch.contiguous_format
    return value.contiguous(memory_format=layout).requires_grad_(required)
