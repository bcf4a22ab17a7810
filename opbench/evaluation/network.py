"""The network of an evaluation: built, with its weights, and what it takes and returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.counting import count
from opbench.counting.arguments import Arguments
from opbench.counting.copies.exported import set_evaluation_mode
from opbench.counting.failure import run_error
from opbench.counting.inputs import brought_by, input_sizes_of
from opbench.errors import BadValueError, OpbenchError
from opbench.evaluation.classifier import moved
from opbench.evaluation.outputs import class_outputs
from opbench.evaluation.protocols import protocol_of
from opbench.evaluation.settings import AskedEvaluation
from opbench.record import Totals
from opbench.registry.targets import resolve
from opbench.registry.weights import Loaded, load, with_weights
from opbench.spec import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedNetwork:
    """A network in evaluation mode, in float32 on the CPU, and how images become its inputs.

    ``takes`` is the size of the example that it brings, None where it brings none.
    """

    name: str
    module: nn.Module
    loaded: Loaded
    preprocessing: Preprocessing
    takes: Shape | None = None

    @classmethod
    def build(cls, asked: AskedEvaluation) -> EvaluatedNetwork:
        """Build the target and load its weights.

        Raises ``TargetError`` where it cannot be built, ``OpbenchError`` where its weights or its
        protocol are not to be had.
        """
        target = asked.target
        if asked.weights is None and (name := with_weights(target.name)) != target.name:
            (target,) = resolve([name])
        module, brought = target.build()
        set_evaluation_mode(module)
        loaded = load(module, target.name, asked.weights)
        module = moved(module, "cpu", torch.float32)
        takes = _size_of(brought or brought_by(module))
        preprocessing = protocol_of(
            target.name,
            input_size=Shape(target.input_size) if target.input_size else takes,
            channels=channels_of(module),
            options=asked.options,
        )
        if asked.source:
            preprocessing = replace(preprocessing, source=asked.source)
        return cls(
            name=target.name,
            module=module,
            loaded=loaded,
            preprocessing=preprocessing,
            takes=None if target.input_size else takes,
        )

    def require(self, size: Shape) -> None:
        """Raise ``BadValueError`` for inputs of another size than the network's own example."""
        if self.takes and size != self.takes:
            height, width = self.takes[1:]
            raise BadValueError(
                f"the images become inputs of {size}, and {self.name} takes {self.takes}: say how "
                f"with --resize and --crop, such as --resize {height}x{width}"
            )

    def outputs(self, size: Shape) -> int:
        """Return the number of classes that it tells apart.

        Raises ``CountError`` where it does not take an image of that size, and ``TargetError`` for
        outputs that are no classes.
        """
        image = torch.zeros((1, *size))
        try:
            with torch.inference_mode():
                returned: Any = self.module(image)
        except (Exception, SystemExit) as error:
            raise run_error(self.module, Arguments((image,)), error) from error
        return class_outputs(returned, 1).shape[1]

    def counts(self, size: Shape) -> Totals | None:
        """Count one forward pass of one image; None where that cannot be done."""
        try:
            counted = count(self.module, size)
        except OpbenchError:
            return None
        return None if counted.uncounted else Totals(**counted.totals())


def _size_of(example: Arguments | None) -> Shape | None:
    """Return the size of an example image, None where the example is something else."""
    sizes = input_sizes_of(example) if example else ()
    return sizes[0] if len(sizes) == 1 and len(sizes[0]) == 3 else None


def channels_of(module: nn.Module) -> int | None:
    """Return the channels of the images that the first convolution takes, None where it cannot."""
    found = (each.in_channels for each in module.modules() if isinstance(each, nn.Conv2d))
    channels = next(found, None)
    return channels if channels in (1, 3) else None
