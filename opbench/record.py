"""The values that flow between the stages, all immutable and free of torch.

    Count         exact integers: what one forward pass of a network computes
    Measurement   raw samples: how long it took
    Round         one cell in one round of a run: a line of a JSONL file
    Record        one cell of a run: Count + Measurement over its rounds, a line of the same file
    Failure       a cell that could not be measured, with its reason, a line of the same file

Integers are counts, seconds are seconds, bytes are bytes; nothing is rounded or scaled here.  A
field with a default may be lacking in a line: it came later than the line, or goes without saying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCount:
    """All calls of one operator with the same shapes inside one module.

    ``module`` is the qualified name of the module that was running ("" is the network itself);
    ``operator`` the operator's name without namespace and overload ("convolution", "mm");
    ``shape`` its operands and result, written for people ("1x3x224x224 * 64x3x7x7 ->
    1x64x112x112"); ``calls`` how often; ``macs`` and ``activations`` the sum over the calls.
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


def required(kind: type) -> frozenset[str]:
    """The names of the fields without which there is no ``kind``, one of the classes here."""
    return frozenset(
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    )


def from_row(kind: type[_T], row: Mapping[str, Any]) -> _T:
    """What a line of a run file says of ``kind``.  Raises ``KeyError`` for a line that lacks it."""
    lacking = required(kind) - row.keys()
    if lacking:
        raise KeyError(", ".join(sorted(lacking)))
    names = (each.name for each in fields(kind))  # type: ignore[arg-type]
    return kind(**{name: row[name] for name in names if name in row})


# How the machine was doing and how code is kept: no reason why a time should differ.
_INCIDENTAL = frozenset(
    {"load_before", "memory_bytes", "memory_available_bytes", "git_commit", "opbench_commit"}
)


def unequal_facts(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names of the facts that keep the times of two environments from being compared."""
    names = sorted((one.keys() | other.keys()) - _INCIDENTAL)
    return [name for name in names if one.get(name) != other.get(name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is timed under which settings: one point of a sweep.

    ``input_size`` is that of one image, "" where the target brings its own inputs; ``compile`` a
    mode of ``torch.compile``, None for eager execution; ``threads`` those of PyTorch on the CPU,
    None for as many as PyTorch takes by itself.
    """

    name: str
    input_size: str
    batch_size: int
    device: str
    dtype: str = "float32"
    memory_format: str = "contiguous"
    compile: str | None = None
    threads: int | None = None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Cell:
        """The cell of a line of a run file.  Raises ``KeyError`` for a line that has none."""
        return from_row(cls, row)

    def __str__(self) -> str:
        usual = {"cpu", "float32", "contiguous"}
        settings = (self.device, self.dtype, self.memory_format, self.compile)
        size = [self.input_size] if self.input_size else []
        unusual = [each for each in settings if each and each not in usual]
        words = [*size, f"batch {self.batch_size}", *unusual]
        if self.threads:
            words.append(f"{self.threads} thread{'s' * (self.threads > 1)}")
        return f"{self.name} ({', '.join(words)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One cell in one round of a run: the samples one process took, and what it saw meanwhile.

    samples_s: seconds per forward pass of the whole batch, in the order they were taken.
    host_samples_s: on CUDA, seconds from the call to the end of a synchronisation.
    first_call_s: the first forward pass, which compiles, allocates and chooses algorithms.
    warmup: calls before the first sample; calls_per_sample: calls averaged in one sample.
    stopped: why sampling ended.
    forward_s: all seconds spent in forward passes, warm-up included, a call that compiles not;
        process_s: in the process.
    peak_memory_bytes: the device allocator's peak on CUDA, growth of peak resident memory on the
        CPU, weights included; None where it cannot be read.
    energy_j, power_w: per forward pass and while they ran; idle_power_w: of the idle device.
    yardstick_s: a fixed piece of work right after the samples; only ratios mean something.
    others_cores: processor cores kept busy by other processes; stolen_cores: by other guests of
        the machine.  None where they cannot be read.
    device_before, device_after: clocks, temperature, throttling of a GPU, before the first call
        and under way, after the last sample.
    """

    number: int
    samples_s: tuple[float, ...]
    warmup: int
    calls_per_sample: int
    stopped: str
    first_call_s: float
    forward_s: float
    process_s: float = 0.0
    host_samples_s: tuple[float, ...] = ()
    peak_memory_bytes: int | None = None
    energy_j: float | None = None
    power_w: float | None = None
    idle_power_w: float | None = None
    yardstick_s: float | None = None
    others_cores: float | None = None
    stolen_cores: float | None = None
    device_before: dict[str, Any] = field(default_factory=dict)
    device_after: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Round:
        """The round of a line of a run file.  Raises ``KeyError`` for a line that has none."""
        taken = from_row(cls, row)
        return replace(
            taken, samples_s=tuple(taken.samples_s), host_samples_s=tuple(taken.host_samples_s)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Timed forward passes of one network on one device.

    samples_s: seconds per forward pass of the whole batch, in the order they were taken, round
        after round; samples_per_round: how many in each; yardsticks_s: a fixed piece of work
        right after each round.
    median_s, low_s, high_s: the median and the ends of its 95 % confidence interval, in which
        the differences between rounds are included; minimum_s, p95_s: of all samples.
    host_s: the median with launch and synchronisation, on CUDA.
    warmup: calls before samples; calls_per_sample: calls averaged in one sample.
    peak_memory_bytes, energy_j, power_w, idle_power_w: as of a round, their medians over rounds.
    stopped: why sampling ended ("precision", "time limit" or "rounds").
    other_processes: the most that were seen on the GPU beside this; None where nothing tells.
    quality: "good", "noisy" or "unstable"; advice: a sentence on what to do about it.
    """

    samples_s: tuple[float, ...]
    samples_per_round: tuple[int, ...]
    yardsticks_s: tuple[float | None, ...]
    median_s: float
    low_s: float
    high_s: float
    minimum_s: float
    p95_s: float
    warmup: int
    calls_per_sample: int
    stopped: str
    quality: str
    advice: str = ""
    host_s: float | None = None
    peak_memory_bytes: int | None = None
    energy_j: float | None = None
    power_w: float | None = None
    idle_power_w: float | None = None
    other_processes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a network asks of the machine, for the roofline.

    ``weight_bytes`` and ``peak_activation_bytes`` are analytic; ``kernels`` are the operators of
    one forward pass that compute something, ``traffic_bytes`` what they read and write.
    """

    params: int
    macs: int
    activations: int
    weight_bytes: int
    peak_activation_bytes: int
    kernels: int
    traffic_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What the device was seen to reach, by measurement at the start of a round.

    ``peak_flops_per_s`` of a matrix product, ``bandwidth_bytes_per_s`` of a copy, and the time
    one operator takes that has nothing to do.
    """

    peak_flops_per_s: float
    bandwidth_bytes_per_s: float
    launch_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attained:
    """A cell under its roofline: ``bound_by`` is "compute", "memory" or "launch overhead"."""

    attained_flops_per_s: float
    fraction_of_peak: float
    bound_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One measured cell of a run."""

    cell: Cell
    load: Load
    measurement: Measurement
    attained: Attained | None = None

    @property
    def throughput_images_per_s(self) -> float:
        """Images per second at the median."""
        return self.cell.batch_size / self.measurement.median_s

    def to_json(self) -> dict[str, Any]:
        """A flat JSON object."""
        attained = asdict(self.attained) if self.attained else {}
        rate = {"throughput_images_per_s": self.throughput_images_per_s}
        return {
            "kind": "record",
            **asdict(self.cell),
            **asdict(self.load),
            **asdict(self.measurement),
            **rate,
            **attained,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One cell of a run that could not be measured.

    ``out_of_memory``: so it will be again.  Whatever else a worker died of may have been chance.
    """

    cell: Cell
    reason: str
    out_of_memory: bool = False

    def to_json(self) -> dict[str, Any]:
        """A flat JSON object."""
        return {
            "kind": "failure",
            **asdict(self.cell),
            "reason": self.reason,
            "out_of_memory": self.out_of_memory,
        }
