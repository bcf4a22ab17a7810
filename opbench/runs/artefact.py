"""Tell what a runtime executes: its identity, and how far its outputs are off eager float32.

Both are asked for once per cell, after it was timed: neither may warm or fill anything that the
samples see.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from opbench.counting.arguments import Arguments
from opbench.errors import OpbenchError, describe
from opbench.record import UNKNOWN, Artefact, Cell
from opbench.runs.network import PlacedNetwork, build
from opbench.runtimes import Executable
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.runtimes.parts.calibration import images_to_check_on
from opbench.runtimes.parts.flat import tensors_in
from opbench.runtimes.parts.onnx_file import OnnxFile
from opbench.runtimes.parts.outputs import UNLIKE, difference, limit_of
from opbench.runtimes.runtime import Forward
from opbench.timing.settings import held_in
from opbench.timing.tf32 import set_tf32
from opbench.weight_hash import sha256_of

# Images that are asked, at least and, where that takes no longer than this, at most.
_ANSWERS = 8
_SECONDS = 2.0
_ADDRESS = re.compile(r"0x[0-9a-f]+")

Outputs = list[Tensor]


def identify(
    network: nn.Module,
    weights: str,
    execution: str,
    made: Executable,
    inputs: Sequence[Tensor],
    calibration: Calibration | None = None,
) -> str:
    """Return the hash of what a runtime executes, ``UNKNOWN`` where it cannot be had.

    network: in float32.  weights: their hash.  execution: the runtime with its mode.  inputs: a
    batch of any size.  A version is the public one: builds of one release for other devices are one
    version.
    """
    code = _code(network)
    versions = {name: each.partition("+")[0] for name, each in made.versions.items()}
    sizes = [list(each.shape[1:]) for each in inputs]
    identity: tuple[Any, ...] = (
        weights,
        code,
        execution,
        sorted(versions.items()),
        made.precision,
        sizes,
    )
    if calibration:
        identity = (*identity, calibration.images, calibration.sha256)
    return _hash(identity) if weights and code else UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """An executable of a network, inspected with what made both."""

    cell: Cell
    network: PlacedNetwork
    executable: Executable
    own_inputs: bool
    seed: int
    weights: str = ""
    tf32: bool = False
    calibration: Calibration | None = None

    def artefact(self, first_call_s: float = 0.0) -> Artefact:
        """Return the artefact; ``first_call_s`` is that of a runtime that compiles then."""
        reference, compared = self.network.module, _Compared()
        try:
            reference = self._reference()
            compared = self._compare(reference)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a network may raise anything
            compared = _Compared(unchecked=describe(error))
        made, calibration = self.executable, self.calibration
        weights, inputs = weights_of(reference), self.network.inputs.tensors()
        execution = self.cell.execution
        return Artefact(
            artefact=identify(reference, weights, execution, made, inputs, calibration),
            precision=made.precision,
            weights_sha256="" if isinstance(reference, OnnxFile) else weights,
            output_error=compared.error,
            output_limit=limit_of(made.precision),
            agreement=compared.agreement,
            answers=compared.answers,
            unchecked=compared.unchecked,
            conversion_s=made.conversion_s + first_call_s,
            artefact_bytes=made.artefact_bytes,
            calibration_images=calibration.images if calibration else 0,
            calibration_sha256=calibration.sha256 if calibration else "",
            runtime_versions=made.told_versions,
        )

    def _reference(self) -> nn.Module:
        """Return the network in float32, as it was before it was converted to the cell's type."""
        module = self.network.module
        if held_in(self.cell.dtype) == "float32" or isinstance(module, OnnxFile):
            return module
        with suppress(OpbenchError):
            cell = replace(self.cell, dtype="float32")
            again = build(
                cell,
                own_inputs=self.own_inputs,
                seed=self.seed,
                weights=self.weights,
                weights_of=self.cell.dtype,
            ).module
            # Whose code draws numbers of its own makes another network each time.
            if _same_weights(again, module):
                return again
        return deepcopy(module).float()

    def _compare(self, reference: nn.Module) -> _Compared:
        if self.network.training:
            return _Compared(unchecked="a training step has no outputs")
        if isinstance(reference, OnnxFile):
            return _Compared(unchecked="PyTorch does not run an ONNX file")
        if self._is_reference:
            return _Compared(error=0.0, agreement=1.0, answers=self.cell.batch_size)
        set_tf32(False)
        try:
            return self._over_inputs(reference)
        finally:
            set_tf32(self.tf32)

    @property
    def _is_reference(self) -> bool:
        """True where the executable is the network in float32 itself."""
        return self.executable.call is self.network.module and (
            self.executable.precision == "float32"
        )

    def _inputs(self) -> Iterator[Arguments]:
        """Yield inputs to compare on: for int8 real images, as those that it was calibrated on."""
        if self.calibration is None:
            yield from _shifted(self.network.inputs)
            return
        for images in images_to_check_on(self.calibration, self.cell.batch_size):
            yield self.network.inputs.converted(partial(_instead, images))

    def _over_inputs(self, reference: nn.Module) -> _Compared:
        end = time.monotonic() + _SECONDS
        errors, agreements, answers = [], [], 0
        for inputs in self._inputs():
            set_tf32(False)
            wanted = _outputs(reference, inputs.converted(_in_float32))
            set_tf32(self.tf32)
            found = difference(wanted, _outputs(self.executable.call, inputs))
            errors.append(found.error)
            agreements.append(found.agreement)
            answers += self.cell.batch_size
            if answers >= _ANSWERS or time.monotonic() > end:
                break
        return _Compared(
            error=min(max(errors), UNLIKE),
            agreement=sum(agreements) / len(agreements),
            answers=answers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """The outputs over all inputs, or why they were not compared."""

    error: float | None = None
    agreement: float | None = None
    answers: int = 0
    unchecked: str = ""


def _outputs(forward: Forward, inputs: Arguments) -> Outputs:
    """Return copies of the outputs: a replayed graph writes into the same ones again."""
    return [each.detach().clone() for each in tensors_in(inputs.passed_to(forward))]


def _in_float32(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _shifted(inputs: Arguments) -> Iterator[Arguments]:
    """Yield the inputs, and then with their images shifted sideways, round the edge."""
    yield inputs
    images = [each for each in inputs.tensors() if each.is_floating_point() and each.dim() == 4]
    for turn in range(1, _ANSWERS if images else 1):
        yield inputs.converted(partial(_shift, part=turn / _ANSWERS))


def _instead(images: Tensor, _: Tensor) -> Tensor:
    return images


def _shift(value: Tensor, part: float) -> Tensor:
    if not (value.is_floating_point() and value.dim() == 4):
        return value
    layout = torch.channels_last if not value.is_contiguous() else torch.contiguous_format
    moved = torch.roll(value.detach(), max(1, round(part * value.shape[-1])), -1)
    return moved.contiguous(memory_format=layout)


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    mine, others = one.state_dict(), other.state_dict()
    return mine.keys() == others.keys() and all(
        torch.equal(mine[name].to(others[name]), others[name])
        for name in mine
        if isinstance(mine[name], Tensor)
    )


def weights_of(network: nn.Module) -> str:
    """Return the hash of a network's weights, or of its file; "" of what cannot be read."""
    if isinstance(network, OnnxFile):
        return hashlib.sha256(Path(network.path).read_bytes()).hexdigest()
    try:
        return sha256_of(network)
    except Exception:  # noqa: BLE001  what a network holds may raise anything
        return ""


def _code(network: nn.Module) -> str:
    """Return the hash of a network's structure and of the code of its forward passes.

    What torch's own modules compute is in its version.  "" where the network cannot be printed.
    """
    classes = {type(each) for each in network.modules()}
    own = [each for each in classes if not each.__module__.startswith("torch.")]
    try:
        structure = _ADDRESS.sub("", repr(network))
    except Exception:  # noqa: BLE001  it is a network's own code
        return ""
    return _hash([structure, *sorted(map(_source, own))])


def _source(kind: type[nn.Module]) -> str:
    try:
        return inspect.getsource(kind.forward)
    except (OSError, TypeError):  # made at run time
        return f"{kind.__module__}.{kind.__qualname__}"


def _hash(facts: Sequence[Any] | Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
