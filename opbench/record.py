"""The values that flow between the stages, all immutable and free of torch.

    Count         exact integers: what one forward pass of a network computes
    Measurement   raw samples: how long it took
    Environment   on what
    Record        one cell of a run: Count + Measurement, a line of a JSONL file
    Failure       a cell that could not be measured, with its reason, a line of the same file

Integers are counts, seconds are seconds, bytes are bytes; nothing is rounded or scaled here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCount:
    """All calls of one operator with the same shapes inside one module.

    ``module`` is the qualified name of the module that was running ("" is the network itself);
    ``operator`` the operator's name without namespace and overload ("convolution", "mm");
    ``shape`` its operands and result, written for people ("1x3x224x224 * 64x3x7x7 -> 1x64x112x112");
    ``calls`` how often; ``macs`` and ``activations`` the sum over the calls.
    """

    module: str
    operator: str
    shape: str
    calls: int
    macs: int
    activations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCount:
    """One module of a network with everything below it.

    ``params`` counts a shared parameter once per module that holds it; ``output`` is the shape of
    what it returned last ("1x64x112x112"), empty when it never ran or returned no tensor.
    """

    name: str
    kind: str
    depth: int
    params: int
    macs: int
    activations: int
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one forward pass computes, for the whole batch.

    macs: multiply-accumulates by the rule of ``opbench.counting``.
    params: elements of all parameters, a shared one once; buffers are not parameters.
    activations: elements of the outputs of convolutions and linear layers.
    weight_bytes: parameters and buffers as stored.
    peak_activation_bytes: the largest sum of the sizes of tensors alive at one moment of the
        forward pass, input included, parameters and buffers not.
    uncounted: operators with neither a rule nor a place on the list of free ones, sorted.
    device: "meta" or "cpu", where the forward pass was traced.
    """

    batch_size: int
    input_size: str
    params: int
    macs: int
    activations: int
    weight_bytes: int
    peak_activation_bytes: int
    operators: tuple[OperatorCount, ...]
    modules: tuple[ModuleCount, ...]
    uncounted: tuple[str, ...]
    device: str

    @property
    def flops(self) -> int:
        """Two operations per multiply-accumulate: for charts only."""
        return 2 * self.macs


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The machine and the settings a run was made with; flat, and empty where unknown."""

    facts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The facts as one flat JSON object."""
        return dict(self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Timed forward passes of one network on one device.

    samples_s: seconds per forward pass of the whole batch, in the order they were taken.
    median_s, low_s, high_s: the median and the ends of its 95 % confidence interval.
    peak_memory_bytes: the device allocator's peak on CUDA, growth of peak resident memory on the
        CPU; None where it cannot be read.
    energy_j: per forward pass; None where not measured.
    warmup: calls before the first sample; calls_per_sample: calls averaged in one sample.
    stopped: why sampling ended ("precision" or "time limit").
    """

    samples_s: tuple[float, ...]
    median_s: float
    low_s: float
    high_s: float
    warmup: int
    calls_per_sample: int
    peak_memory_bytes: int | None
    energy_j: float | None
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One measured cell of a run."""

    name: str
    input_size: str
    batch_size: int
    device: str
    dtype: str
    params: int
    macs: int
    activations: int
    measurement: Measurement

    def to_json(self) -> dict[str, Any]:
        """A flat JSON object."""
        row = asdict(self)
        measurement = row.pop("measurement")
        return {"kind": "record", **row, **measurement}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One cell of a run that could not be measured."""

    name: str
    input_size: str
    batch_size: int
    device: str
    dtype: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """A flat JSON object."""
        return {"kind": "failure", **asdict(self)}
