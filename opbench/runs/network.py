"""Build a cell's network and its input on the device, in the type and layout of the cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
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
from opbench.errors import BadValueError, ConversionError, OpbenchError, TargetError, describe
from opbench.images import Images
from opbench.inputs import TensorSpec, from_text
from opbench.record import Cell, Load
from opbench.registry import graphs
from opbench.registry.targets import Target, count_target, resolve
from opbench.registry.weights import load, source_of
from opbench.runtimes import Example, Executable, ExecutionSettings, find
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.runtimes.parts.onnx_file import OnnxFile, not_run
from opbench.runtimes.parts.precision import compute_as_asked
from opbench.runtimes.parts.quantising import require_int8
from opbench.runtimes.runtime import INT8, Forward
from opbench.spec import Shape
from opbench.timing.device import Call
from opbench.timing.measurement import random_input
from opbench.timing.settings import held_in
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

    def executable(
        self,
        cell: Cell,
        *,
        tf32: bool = False,
        folder: Path | None = None,
        calibration: Calibration | None = None,
    ) -> Executable:
        """Convert the network for the runtime of ``cell``; ``folder`` keeps what was made of it,
        ``calibration`` are images for int8.

        Raises ``ConversionError`` where that fails, ``BadValueError`` for a training step of a
        runtime that has none, and ``TargetError`` for a file that it does not take.
        """
        runtime = find(cell.runtime)
        if isinstance(self.module, OnnxFile) and not runtime.takes_files:
            raise TargetError(not_run(str(self.module.path), runtime.name))
        if self.training and not runtime.trains:
            raise BadValueError(f"{runtime.name} executes forward passes: remove --pass training")
        if cell.dtype == INT8:
            require_int8(runtime)
        settings = ExecutionSettings(
            dtype=cell.dtype,
            device=cell.device,
            threads=cell.threads,
            mode=cell.compile,
            tf32=tf32,
            folder=folder,
            calibration=calibration,
        )
        compute_as_asked()
        try:
            return runtime.prepare(self.module, self.example, settings)
        except OpbenchError:
            raise
        except (Exception, SystemExit) as error:
            raise ConversionError(f"{runtime.name} cannot take it: {describe(error)}") from error

    @property
    def is_file(self) -> bool:
        """True for the graph in a file, which PyTorch cannot execute."""
        return isinstance(self.module, OnnxFile)

    @property
    def example(self) -> Example:
        """The arguments of its forward pass."""
        return Example(self.inputs.args, self.inputs.kwargs)

    def call(self, runtime: str, mode: str | None = None) -> Call:
        """Return a call of one forward pass or training step in a runtime that converts nothing."""
        prepared = find(runtime).prepare(self.module, self.example, ExecutionSettings(mode=mode))
        return self.passes(prepared.call)

    def passes(self, forward: Forward) -> Call:
        """Return a call of one forward pass or training step, which raises ``CountError`` where it
        fails; ``forward`` takes the network's arguments in its place."""
        inputs = self.inputs
        once = partial(inputs.passed_to, forward)
        one = training_step(self.module, once) if self.training else once

        def call() -> object:
            try:
                return one()
            except NothingToTrainError:
                raise
            except (Exception, SystemExit) as error:
                raise run_error(self.module, inputs, error) from error

        return call

    def steps(self, cell: Cell, forward: Forward) -> dict[str, Callable[[Any], Any]]:
        """Return the steps from the target's images to their best classes, by stage; ``forward``
        executes the network.

        Raises ``TargetError`` where it brings none.
        """
        if self.images is None:
            raise TargetError(imageless(cell.name))
        copy = partial(
            _placed,
            device=cell.device,
            memory_format=_MEMORY_FORMATS[cell.memory_format],
            dtype=_dtype(cell),
        )
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

    def load_of_file(self, cell: Cell) -> Load:
        """Count what one pass of a file asks of the machine.

        Its operators are those with a product; nothing shows its traffic, but its weights have to
        be read in any case.
        """
        (target,) = resolve([cell.name])
        counted = count_target(target, cell.asked, batch_size=cell.batch_size)
        kernels = sum(each.calls for each in counted.operators)
        return Load(**counted.totals(), kernels=kernels, traffic_bytes=counted.weight_bytes)


def build(
    cell: Cell, *, own_inputs: bool, seed: int, weights: str = "", weights_of: str | None = None
) -> PlacedNetwork:
    """Build the network of ``cell`` on its device.

    ``own_inputs`` keeps inputs that the target brings even where they are one image.
    ``weights``: a file of them, or "pretrained"; "" for those that it is built with.
    ``weights_of`` is the data type whose weights it gets, where that is not the cell's.  Raises
    ``TargetError`` where it cannot be built or nothing says how large its input is.
    """
    (target,) = resolve([cell.name])
    if target.graph:
        return _of_file(target.graph, cell, seed)
    module, own = _trained(target, weights) if weights else _built(target, seed)
    dtype = _dtype(cell)
    memory_format = _MEMORY_FORMATS[cell.memory_format]
    set_evaluation_mode(module)
    if target.spec and not weights and (weights_of or cell.dtype) == "float16":
        _level(module.to(cell.device), target, cell, seed)
    module = module.to(device=cell.device, dtype=dtype)
    if memory_format is torch.channels_last:
        # Only four-dimensional weights have channels that could come last.
        module = module.to(memory_format=memory_format)  # type: ignore[call-overload]
    place = partial(_placed, device=cell.device, memory_format=memory_format)
    if cell.inputs:
        described = _drawn(from_text(cell.inputs), module, seed)
        return _ready(cell, module, described.converted(place))
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


def _dtype(cell: Cell) -> torch.dtype:
    found: torch.dtype = getattr(torch, held_in(cell.dtype))
    return found


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
    if target.graph and not images:
        return _inputs_of_file(target.graph, sized=sized)
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


def _inputs_of_file(path: Path, *, sized: bool) -> dict[str, Any] | None:
    """Describe the inputs of a file, whose batch may be open; None where a size has to be given."""
    try:
        specs = graphs.inputs(path, None, 1)
    except BadValueError:
        if sized:
            return None
        raise
    sizes = [str(Shape(each.shape[1:])) for each in specs]
    batch = (*specs[0].shape, 1)[0]
    return {
        "batch_size": None if _takes(path, batch + 1) else batch,
        "input_size": sizes[0],
        "other_input_sizes": sizes[1:],
    }


def _takes(path: Path, batch: int) -> bool:
    """Return whether the graph in a file takes a batch of that size."""
    try:
        return bool(graphs.inputs(path, None, batch))
    except BadValueError:
        return False


def _built(target: Target, seed: int) -> tuple[nn.Module, Arguments | None]:
    if target.spec is None:
        with _seeded(seed):
            return target.build()
    # Only of what the registry builds is it known that the time does not depend on the weights.
    return build_cheaply(target.build, lambda built: built[0], seed)


def _trained(target: Target, weights: str) -> tuple[nn.Module, Arguments | None]:
    """Return the network with weights; a library's target names its set of them already."""
    module, own = target.build()
    load(module, target.name, source_of(weights))
    return module, own


def _of_file(path: Path, cell: Cell, seed: int) -> PlacedNetwork:
    """Return the graph in a file, whose inputs are drawn as those that a user describes."""
    graphs.require_own_types(path, cell.dtype)
    if cell.training:
        raise TargetError(f"{path} has no backward pass: remove --pass training")
    specs = graphs.inputs(path, cell.asked, cell.batch_size)
    module = OnnxFile(path)
    # Its inputs have names of their own, and its forward takes them by position.
    inputs = _drawn([replace(each, name="") for each in specs], module, seed)
    return PlacedNetwork(module, inputs)


def _drawn(specs: Sequence[TensorSpec], module: nn.Module, seed: int) -> Arguments:
    """Make inputs that are described; their types are kept."""
    with _seeded(seed):
        return made(specs, module, "cpu")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw the same numbers each time until the context ends."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


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
