"""A network that answers batches of images, on its device and in its data type."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.counting.arguments import Arguments
from opbench.counting.copies.exported import set_evaluation_mode
from opbench.counting.failure import run_error
from opbench.errors import ConversionError, OpbenchError, TargetError, describe
from opbench.evaluation.images import normalised
from opbench.evaluation.outputs import class_outputs
from opbench.runtimes import Executable, ExecutionSettings, find
from opbench.runtimes.parts.any_shape import AnyShape
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.runtimes.parts.quantising import require_int8
from opbench.runtimes.runtime import INT8
from opbench.timing.settings import held_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A network in evaluation mode; ``forward`` executes it in its runtime."""

    module: nn.Module
    forward: AnyShape
    device: str
    dtype: torch.dtype
    quantised: bool = False

    @classmethod
    def of(
        cls,
        module: nn.Module,
        *,
        device: str = "cpu",
        dtype: str = "float32",
        runtime: str = "eager",
        mode: str | None = None,
        threads: int | None = None,
        calibration: Calibration | None = None,
    ) -> Classifier:
        """Place ``module`` on its device; a runtime converts it once for each shape of a batch.

        ``calibration`` are images for int8.  Raises ``UnknownNameError`` for a runtime that does
        not exist, ``MissingExtraError``, and ``BadValueError`` for one that does not quantise.
        """
        found = find(runtime)
        found.require()
        if quantised := dtype == INT8:
            require_int8(found)
        set_evaluation_mode(module)
        kind = getattr(torch, held_in(dtype))
        module = moved(module, device, kind)
        settings = ExecutionSettings(
            dtype=dtype, device=device, threads=threads, mode=mode, calibration=calibration
        )
        forward = AnyShape(found, module, settings)
        return cls(module=module, forward=forward, device=device, dtype=kind, quantised=quantised)

    def placed(self, images: Tensor, preprocessing: Preprocessing) -> tuple[Tensor, float]:
        """Return a batch on the device, normalised where it is of 8 bits, and the seconds.

        Raises ``CountError`` where it does not fit.
        """
        start = time.perf_counter()
        try:
            there = images.to(self.device)
            if there.dtype is torch.uint8:
                there = normalised(there, preprocessing)
            there = there.to(self.dtype)
            self._settle()
        except RuntimeError as error:  # the device's memory is full
            raise run_error(self.module, Arguments((images,)), error) from error
        return there, time.perf_counter() - start

    def outputs(self, inputs: Tensor) -> tuple[Tensor, float]:
        """Return the outputs of a placed batch, images x classes, and the seconds that it took.

        Raises ``CountError`` where the forward pass fails, ``TargetError`` for other outputs.
        """
        mine = inputs.clone()  # some networks normalise it in place
        start = time.perf_counter()
        try:
            with torch.inference_mode():
                returned = self.forward(mine)
                self._settle()
        except (Exception, SystemExit) as error:
            raise run_error(self.module, Arguments((inputs,)), error) from error
        seconds = time.perf_counter() - start
        return class_outputs(returned, len(inputs)), seconds

    def executable(self, inputs: Tensor) -> Executable:
        """Convert the network for a placed batch, once for each of its shapes.

        Raises ``OpbenchError`` where that fails.
        """
        try:
            with torch.inference_mode():
                return self.forward.executable(inputs)
        except OpbenchError:
            raise
        except (Exception, SystemExit) as error:
            name = self.forward.runtime.name
            raise ConversionError(f"{name} cannot take it: {describe(error)}") from error

    @property
    def settles_ties(self) -> bool:
        """True where images that are too close to call are asked again alone.

        In half precision that would be most of them; int8 rounds to the same in every batch.
        """
        return not self.quantised and self.dtype in (torch.float32, torch.float64)

    def _settle(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)


def moved(module: nn.Module, device: str, dtype: torch.dtype) -> nn.Module:
    """Move a network to its device and data type.  Raises ``TargetError`` where it cannot be."""
    try:
        return module.to(device=device, dtype=dtype)
    except Exception as error:  # quantised networks refuse it, and a device's memory may be full
        told = str(dtype).removeprefix("torch.")
        raise TargetError(
            f"{type(module).__name__} cannot be moved to {device} in {told}: {describe(error)}"
        ) from error
