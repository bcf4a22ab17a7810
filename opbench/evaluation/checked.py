"""The artefact of an evaluation: what answers, and how far its outputs are off eager float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from opbench.accuracy.measured.lines import EvaluationHeader
from opbench.evaluation.classifier import Classifier
from opbench.record import USUAL, Artefact
from opbench.runs.artefact import identify, weights_of
from opbench.runtimes import Executable
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.runtimes.parts.calibration import images_to_check_on
from opbench.runtimes.parts.flat import tensors_in
from opbench.runtimes.parts.outputs import UNLIKE, difference, limit_of
from opbench.runtimes.runtime import Forward
from opbench.spec import Shape
from opbench.timing.measurement import random_input


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedClassifier:
    """A network that answers in its runtime, and the artefact that it is."""

    classifier: Classifier
    artefact: Artefact

    @classmethod
    def of(
        cls,
        module: nn.Module,
        size: Shape,
        header: EvaluationHeader,
        *,
        calibration: Calibration | None = None,
    ) -> Self:
        """Convert ``module``, which is in float32 on the CPU, and compare its outputs.

        That is done on a batch of random images, of the size of the evaluation's, for which it is
        converted in any case; in int8 on images like those that it was calibrated on.  Raises
        ``OpbenchError`` where it cannot be converted.
        """
        batch = random_input(size, batch_size=header.batch_size)
        if calibration:
            batch = next(images_to_check_on(calibration, header.batch_size))
        weights = weights_of(module)
        # Before the classifier moves it, in place.
        wanted = None if _is_reference(header) else _outputs(module, batch)
        classifier = Classifier.of(
            module,
            device=header.device,
            dtype=header.dtype,
            runtime=header.runtime,
            mode=header.compile,
            threads=header.threads,
            calibration=calibration,
        )
        placed = batch.to(device=classifier.device, dtype=classifier.dtype)
        made = classifier.executable(placed)
        execution = " ".join(filter(None, (header.runtime, header.compile)))
        artefact = Artefact(
            artefact=identify(module, weights, execution, made, [batch], calibration),
            precision=made.precision,
            weights_sha256=weights,
            output_limit=limit_of(made.precision),
            runtime_versions=made.told_versions,
            conversion_s=made.conversion_s,
            artefact_bytes=made.artefact_bytes,
            calibration_images=calibration.images if calibration else 0,
            calibration_sha256=calibration.sha256 if calibration else "",
            **_compared(wanted, made, placed),
        )
        return cls(classifier=classifier, artefact=artefact)


def _is_reference(header: EvaluationHeader) -> bool:
    """Return whether the evaluation is of the network in eager float32 itself."""
    return (header.runtime, header.dtype) == (USUAL["runtime"], USUAL["dtype"])


def _compared(wanted: list[Tensor] | None, made: Executable, batch: Tensor) -> dict[str, Any]:
    """Return the error of the outputs, and their agreement, as fields of an artefact."""
    if wanted is None:
        return {"output_error": 0.0, "agreement": 1.0, "answers": len(batch)}
    found = difference(wanted, _outputs(made.call, batch))
    error = min(found.error, UNLIKE)
    return {"output_error": error, "agreement": found.agreement, "answers": len(batch)}


def _outputs(forward: Forward, batch: Tensor) -> list[Tensor]:
    """Return copies of the outputs; some networks normalise their inputs in place."""
    with torch.inference_mode():
        return [each.detach().clone() for each in tensors_in(forward(batch.clone()))]
