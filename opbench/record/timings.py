"""The values of timing: a cell, its rounds, its measurement, and the record of a run."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from itertools import accumulate, pairwise
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from opbench.inputs import AskedInputs, from_text, require_text
from opbench.record.artefact import Artefact
from opbench.record.counts import Totals
from opbench.spec import Shape
from opbench.value import AtLeastOne, Natural, NonNegative, Positive, Seconds, Text, Value

Pass = Literal["forward", "training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Value):
    """One point of a sweep: a network and the settings it is timed under.

    ``input_size`` is that of one image, of several inputs the first, without extents where only
    the forward pass can tell; ``other_input_sizes`` are those of the others;
    ``inputs`` describe all inputs where the user did (``opbench.inputs``), "" where not;
    ``runtime`` executes it, ``compile`` is its mode where it is ``torch.compile``; ``threads`` are
    those of PyTorch on the CPU, None for as many as PyTorch takes by itself; ``pass_`` is
    "training" for a training step (``opbench.timing.training``).  The defaults are the usual
    settings, which go without saying.
    """

    name: Text
    input_size: Shape
    batch_size: AtLeastOne
    device: Text
    dtype: Text = "float32"
    memory_format: Text = "contiguous"
    runtime: Text = "eager"
    compile: Text | None = None
    threads: AtLeastOne | None = None
    inputs: str = ""
    pass_: Pass = "forward"
    other_input_sizes: tuple[Shape, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        require_text(self.inputs)
        # Files written before there were other runtimes name a mode alone.
        if self.compile is not None and self.runtime == USUAL["runtime"]:
            object.__setattr__(self, "runtime", "compile")

    @property
    def asked(self) -> AskedInputs:
        """The inputs or the size that the user asked for, None for the target's own."""
        return from_text(self.inputs) or self.input_size or None

    @property
    def training(self) -> bool:
        """True where a training step is timed."""
        return self.pass_ == "training"

    @property
    def execution(self) -> str:
        """The runtime and its mode, if it has one."""
        return " ".join(filter(None, (self.runtime, self.compile)))

    def __str__(self) -> str:
        settings = (self.device, self.dtype, self.memory_format, self.execution, self.pass_)
        sizes = (self.input_size, *self.other_input_sizes)
        size = [*map(str, sizes)] if self.input_size else []
        unusual = [each for each in settings if each not in {"cpu", *USUAL.values()}]
        given = [self.inputs] if self.inputs else [*size, f"batch {self.batch_size}"]
        words = [*given, *unusual]
        if self.threads:
            words.append(f"{self.threads} thread{'s' * (self.threads > 1)}")
        return f"{self.name} ({', '.join(words)})"


# Of a GPU's time, from the best to the worst; "" on the CPU.
Launches = Literal["", "hidden", "seen", "synchronises"]

# The settings of a cell that go without saying, by their keys.
USUAL = {
    each.name.rstrip("_"): each.default for each in fields(Cell) if each.default is not MISSING
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Value):
    """One cell in one round of a run: the samples one process took, and what it saw meanwhile.

    samples_s: seconds per pass of the whole batch, in the order they were taken.
    reference_samples_s: on the CPU, the seconds of fixed work around each of the samples.
    host_samples_s: on CUDA, seconds of single calls from the call to the end of a synchronisation.
    queued_s: on CUDA, seconds per call of calls queued back to back, for a second or more in the
        first round and for a tenth in others.
    launches: on CUDA, "hidden" where the samples are the GPU's time alone; else their time is in
        the samples: "synchronises" where the network waits for the GPU, "seen" where it launches
        more than a queue holds.
    start_up_s: from the start of the process to the first call; on CUDA, where the cells of a round
        share a process, from when it was asked for this one.
    first_call_s: the first pass, which compiles, allocates and chooses algorithms.
    warmup: calls before the first sample; calls_per_sample: calls averaged in one sample.
    stopped: why sampling ended; sampling_s: on CUDA, how long warm-up and samples took, the spins
        that hide launches included.
    forward_s: seconds of all passes, warm-up included, without a first call that compiles;
        process_s: seconds of everything, starting included.
    peak_memory_bytes: on CUDA the most that PyTorch's allocator had given out: not what it had
        reserved, nor a CUDA graph's own pool, nor the context (about 500 MB); on the CPU the growth
        of peak resident memory; weights included; None where it cannot be read.
    stages_s: with --stages, seconds of each stage of the target's images by name, and of the
        "whole".
    energy_j, power_w: per pass and while they ran; energy_resolution: the part by which
        both can be wrong, as their counter ticks; idle_power_w: of the idle device, on CUDA with a
        context.
    yardstick_s: a fixed piece of work right after the samples; only ratios mean something.
    others_cores: processor cores kept busy by other processes; stolen_cores: by other guests of
        the machine.  None where they cannot be read.
    device_before, device_after: clocks, temperature, throttling of a GPU, before the first call
        and under way, after the last sample.
    """

    number: AtLeastOne
    samples_s: Annotated[tuple[Seconds, ...], Meta(min_length=1)]
    warmup: Natural
    calls_per_sample: AtLeastOne
    stopped: str
    first_call_s: NonNegative
    forward_s: NonNegative
    process_s: NonNegative = 0.0
    reference_samples_s: tuple[Seconds, ...] = ()
    host_samples_s: tuple[Seconds, ...] = ()
    queued_s: Seconds | None = None
    launches: Launches = ""
    start_up_s: NonNegative | None = None
    sampling_s: NonNegative | None = None
    peak_memory_bytes: Natural | None = None
    energy_j: float | None = None
    power_w: float | None = None
    energy_resolution: float | None = None
    idle_power_w: float | None = None
    yardstick_s: Seconds | None = None
    stages_s: dict[str, tuple[NonNegative, ...]] = field(default_factory=dict)
    others_cores: float | None = None
    stolen_cores: float | None = None
    device_before: dict[str, Any] = field(default_factory=dict)
    device_after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Value):
    """A stage of a batch of images, or the "whole": seconds with the ends of the 95 % interval."""

    stage: Text
    stage_s: NonNegative
    low_s: NonNegative
    high_s: NonNegative


# The ends of each time's interval, around it.
_INTERVALS = (
    ("low_s", "median_s", "high_s"),
    ("latency_low_s", "latency_s", "latency_high_s"),
    ("device_low_s", "device_s", "device_high_s"),
    ("queued_low_s", "queued_s", "queued_high_s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Value):
    """Timed passes of one network on one device, forward passes or training steps.

    samples_s: seconds per pass of the whole batch, in the order they were taken, round
        after round; samples_per_round: how many in each; yardsticks_s: a fixed piece of work
        right after each round.
    median_s, low_s, high_s: the median and the ends of its 95 % confidence interval, in which
        the differences between rounds are included; minimum_s, p95_s: of all samples, each the
        mean of calls_per_sample calls.
    host_s: the median with launch and synchronisation, on CUDA.
    latency_s: the time that a caller waits for one pass on an undisturbed machine, with
        the ends of its 95 % interval; on CUDA launch and synchronisation included;
        latencies_s: of each round by itself, without those whose threads waited for cores.
    p50_s, p90_s: quantiles of the same samples, which say what was typical in this run.
    device_s: the time of the GPU alone, launches hidden; None on the CPU.
    launches: as of the round in which they were seen most.
    queued_s: per call of calls queued back to back; None where none were.
    warmup: calls before samples; calls_per_sample: calls averaged in one sample.
    peak_memory_bytes, energy_j, power_w, energy_resolution, idle_power_w: as of a round, their
        medians over rounds.
    stages: with --stages, those of the target's images, in their order, and the whole.
    stopped: why sampling ended ("precision", "time limit" or "rounds").
    other_processes: the most that were seen on the GPU beside this; None where nothing tells.
    quality: "good", "noisy", "unstable", or "differs" where the outputs are not the network's;
        advice: a sentence on what to do about it.
    """

    BULK: ClassVar = ("samples_s", "samples_per_round", "yardsticks_s", "latencies_s")

    samples_s: Annotated[tuple[Seconds, ...], Meta(min_length=1)]
    samples_per_round: Annotated[tuple[AtLeastOne, ...], Meta(min_length=1)]
    yardsticks_s: tuple[Seconds | None, ...] = ()
    median_s: Seconds
    low_s: Seconds
    high_s: Seconds
    minimum_s: Seconds | None = None
    p95_s: Seconds | None = None
    warmup: Natural = 0
    calls_per_sample: AtLeastOne = 1
    stopped: str = ""
    quality: str = ""
    advice: str = ""
    host_s: Seconds | None = None
    latency_s: Seconds = 0.0
    latency_low_s: Seconds | None = None
    latency_high_s: Seconds | None = None
    latencies_s: tuple[Seconds, ...] = ()
    p50_s: Seconds | None = None
    p90_s: Seconds | None = None
    device_s: Seconds | None = None
    device_low_s: Seconds | None = None
    device_high_s: Seconds | None = None
    queued_s: Seconds | None = None
    queued_low_s: Seconds | None = None
    queued_high_s: Seconds | None = None
    launches: Launches = ""
    peak_memory_bytes: Natural | None = None
    energy_j: float | None = None
    power_w: float | None = None
    energy_resolution: float | None = None
    idle_power_w: float | None = None
    other_processes: Natural | None = None
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        if sum(self.samples_per_round) != len(self.samples_s):
            raise ValueError(
                f"samples_per_round adds up to {sum(self.samples_per_round)} and samples_s has "
                f"{len(self.samples_s)}"
            )
        if not self.latency_s:
            self._fall_back()
        for low, middle, high in _INTERVALS:
            self._require_order(low, middle, high)

    def _fall_back(self) -> None:
        """Take the latency and the GPU's time from the medians, as in files without them."""
        ends = {"low_s": self.low_s, "high_s": self.high_s}
        medians = {"s": self.median_s, **ends}
        known = {"latency_s": self.host_s or self.median_s}
        # Only on CUDA does the host see another time, whose interval older files do not have.
        kind, values = ("latency", ends) if self.host_s is None else ("device", medians)
        known |= {f"{kind}_{end}": value for end, value in values.items()}
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def _require_order(self, low: str, middle: str, high: str) -> None:
        """Raise ``ValueError`` where a time is outside its own interval."""
        least, time, most = getattr(self, low), getattr(self, middle), getattr(self, high)
        if least is None or time is None or most is None:
            known = [value for value in (least, time, most) if value is not None]
            inside = known == sorted(known)
        else:  # at once: of a million records it is asked four million times
            inside = least <= time <= most
        if not inside:
            raise ValueError(f"{middle} is not between {low} and {high}")

    @property
    def rounds(self) -> list[tuple[float, ...]]:
        """The samples of each round."""
        cuts = accumulate(self.samples_per_round, initial=0)
        return [self.samples_s[start:end] for start, end in pairwise(cuts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Totals):
    """The load of a network on the machine, for the roofline.

    The totals are analytic; ``kernels`` are the operators of one pass that compute something,
    ``traffic_bytes`` what they read and write.
    """

    REPEATED: ClassVar = True  # of each machine that times a network

    kernels: Natural
    traffic_bytes: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings(Value):
    """The highest rates a device reached, measured at the start of a round.

    ``peak_flops_per_s`` of a matrix product, ``bandwidth_bytes_per_s`` of a copy, and the time
    one operator takes that has nothing to do.
    """

    peak_flops_per_s: Positive
    bandwidth_bytes_per_s: Positive
    launch_s: NonNegative


@dataclass(frozen=True, slots=True, kw_only=True)
class Attained(Value):
    """A cell under its roofline.

    ``bound_by`` is "compute", "memory" or "launch overhead", or "neither" far below all of them.
    The fraction may exceed 1: operations are those counted by the rule, and a convolution by
    Winograd's transform carries out fewer.
    """

    attained_flops_per_s: NonNegative
    fraction_of_peak: NonNegative
    bound_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Value):
    """One measured cell of a run."""

    cell: Cell
    load: Load
    measurement: Measurement
    attained: Attained | None = None
    artefact: Artefact | None = None

    @property
    def throughput_images_per_s(self) -> float:
        """Images per second of calls queued back to back; on the CPU all calls are."""
        return self.cell.batch_size / (self.measurement.queued_s or self.measurement.latency_s)

    @property
    def differs(self) -> str:
        """The sentence about outputs that are not those of the network, "" where they are."""
        return self.artefact.differs if self.artefact else ""

    def to_json(self) -> dict[str, Any]:
        """Return a flat JSON object, with the throughput that follows from the times."""
        rate = {"throughput_images_per_s": self.throughput_images_per_s}
        return {"output_error": None, **Value.to_json(self), **rate}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Value):
    """One cell of a run that could not be measured.

    ``out_of_memory``: it will fail again.  Any other death of a worker may have been chance.
    """

    cell: Cell
    reason: str
    out_of_memory: bool = False
