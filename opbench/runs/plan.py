"""Plan the cells of a run: the product of the lists, in the order given.

Sizes of batches vary fastest and ascend, so that after one that does not fit into memory the
larger ones need not be tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product

from opbench import runtimes
from opbench.errors import BadValueError
from opbench.inputs import TensorSpec, to_text
from opbench.record import USUAL, Cell
from opbench.shards import Shard
from opbench.spec import Shape
from opbench.timing.settings import (
    DTYPES,
    GRAPH_MODES,
    MEMORY_FORMATS,
    MODES,
    PASSES,
    CudaOptions,
    device_name,
    known,
)
from opbench.value import AtLeastOne, Value

NO_SIZE = Shape()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Value):
    """A target as it is planned.

    ``input_size`` is that of one image, without extents where only its forward pass can tell;
    ``images`` how many such images it takes at once.  Of inputs that it brings, ``batch_size`` is
    the batch and ``other_input_sizes`` are the sizes of all but the first; ``resizable``: they are
    one image, which another size can replace.
    """

    name: str
    input_size: Shape = NO_SIZE
    other_input_sizes: tuple[Shape, ...] = ()
    images: AtLeastOne = 1
    batch_size: int | None = None
    resizable: bool = False

    def sizes(self, asked: Sequence[Shape]) -> list[Shape]:
        """Return those of the sizes asked for that it takes."""
        if self.batch_size is None:
            return list(asked)
        return [size for size in asked if self.resizable and len(size) == len(self.input_size)]

    def others(self, size: Shape) -> tuple[Shape, ...]:
        """Return the sizes of the inputs beside a first one of ``size``."""
        return self.other_input_sizes or (size,) * (self.images - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The lists.  No ``input_sizes`` leaves each target its own, or those that ``sizes_of`` gives
    for its name; ``inputs`` describe all inputs, in place of sizes and batch sizes (which are then
    1); ``runtimes`` are names, "compile:MODE" with a mode; a thread count of None is PyTorch's own
    choice.  ``stages``: those of the images that targets bring are timed beside the forward
    pass; ``shard``: its cells alone are timed, None for all.  ``weights``: a file, or "pretrained";
    "" for those that targets are built with.  ``data``: the images that int8 is calibrated on.

    Raises ``BadValueError`` or ``UnknownNameError`` for a value that cannot be.
    """

    devices: Sequence[str] = ("cpu",)
    batch_sizes: Sequence[int] = (1,)
    input_sizes: Sequence[Shape] = ()
    sizes_of: Mapping[str, Sequence[Shape]] = field(default_factory=dict)
    inputs: tuple[TensorSpec, ...] = ()
    dtypes: Sequence[str] = (USUAL["dtype"],)
    memory_formats: Sequence[str] = (USUAL["memory_format"],)
    runtimes: Sequence[str] = (USUAL["runtime"],)
    threads: Sequence[int | None] = (USUAL["threads"],)
    passes: Sequence[str] = (USUAL["pass"],)
    stages: bool = False
    shard: Shard | None = None
    data: str = ""
    weights: str = ""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "devices", tuple(dict.fromkeys(map(device_name, self.devices))))
        set_(self, "batch_sizes", tuple(sorted(set(self.batch_sizes))))
        set_(self, "dtypes", known("dtype", self.dtypes, DTYPES))
        set_(self, "memory_formats", known("memory format", self.memory_formats, MEMORY_FORMATS))
        set_(self, "runtimes", tuple(dict.fromkeys(map(_spelt_out, self.runtimes))))
        set_(self, "passes", known("pass", self.passes, PASSES))
        for size in self.batch_sizes:
            if size < 1:
                raise BadValueError(f"the batch size must be 1 or more, not {size}")
        for threads in self.threads:
            if threads is not None and threads < 1:
                raise BadValueError(f"the number of threads must be 1 or more, not {threads}")
        if self.stages:
            self._require_own_images()

    @property
    def executions(self) -> tuple[tuple[str, str | None], ...]:
        """The runtimes, each with its mode or None."""
        return tuple(map(_name_and_mode, self.runtimes))

    def _require_own_images(self) -> None:
        """Raise ``BadValueError`` for what cannot be beside stages."""
        if self.input_sizes or self.inputs:
            raise BadValueError(
                "--stages times the images that a target brings: remove --input-size and --input"
            )
        if "training" in self.passes:
            raise BadValueError("--stages ends with a forward pass: remove --pass training")


def _spelt_out(word: str) -> str:
    """Return "compile:default" for "compile", and the names that were meant.

    Raises ``UnknownNameError``, and ``BadValueError`` for a mode of a runtime that has none.
    """
    given, colon, mode = word.partition(":")
    (name,) = known("runtime", [given], runtimes.names())
    usual, *others = MODES.get(name, (None,))
    modes = [each for each in (usual, *others) if each]
    if colon and not modes:
        raise BadValueError(f"the runtime {name} has no modes: write {name}, not {word}")
    if colon:
        (usual,) = known(f"{name} mode", [mode], modes)
    return f"{name}:{usual}" if usual else name


def execution_of(word: str) -> tuple[str, str | None]:
    """Return the runtime and its mode, or None, that "eager" or "compile:MODE" stands for.

    Raises ``UnknownNameError``, and ``BadValueError`` for a mode of a runtime that has none.
    """
    return _name_and_mode(_spelt_out(word))


def _name_and_mode(runtime: str) -> tuple[str, str | None]:
    name, _, mode = runtime.partition(":")
    return name, mode or None


def require_one_graph(sweep: Sweep, cuda: CudaOptions) -> None:
    """Raise ``BadValueError`` where a GPU would record a graph of what replays one."""
    if not cuda.graph or all(device == "cpu" for device in sweep.devices):
        return
    for runtime, mode in sweep.executions:
        if mode in GRAPH_MODES:
            raise BadValueError(
                f"--runtime {runtime}:{mode} records CUDA graphs itself: remove --cuda-graph"
            )


def make_plan(targets: Sequence[Planned], sweep: Sweep) -> tuple[Cell, ...]:
    """Return the cells of ``targets``.

    Raises ``BadValueError`` for input sizes or batch sizes that no target takes; where one does,
    the cells of the others will fail with their reason.
    """
    if targets and sweep.input_sizes and not any(each.sizes(sweep.input_sizes) for each in targets):
        raise BadValueError(f"{targets[0].name} brings its own inputs: remove --input-size")
    if targets and not any(map(partial(_takes_batches, sweep=sweep), targets)):
        raise BadValueError(
            f"{targets[0].name} brings its own inputs, a batch of {targets[0].batch_size}: remove "
            "--batch-size"
        )
    return tuple(cell for target in targets for cell in _cells(target, sweep))


def _cells(target: Planned, sweep: Sweep) -> Iterator[Cell]:
    for size, device, dtype, memory_format, (runtime, mode), threads, pass_, batch in product(
        _sizes(target, sweep),
        sweep.devices,
        sweep.dtypes,
        sweep.memory_formats,
        sweep.executions,
        sweep.threads,
        sweep.passes,
        _batch_sizes(target, sweep),
    ):
        yield Cell(
            name=target.name,
            input_size=size,
            batch_size=batch,
            device=device,
            dtype=dtype,
            memory_format=memory_format,
            runtime=runtime,
            compile=mode,
            threads=threads,
            pass_=pass_,  # type: ignore[arg-type]
            inputs=to_text(sweep.inputs),
            other_input_sizes=() if sweep.inputs else target.others(size),
        )


def _sizes(target: Planned, sweep: Sweep) -> Sequence[Shape]:
    if sweep.inputs:
        return (Shape(sweep.inputs[0].shape[1:]),)
    asked = target.sizes(sweep.input_sizes) or sweep.sizes_of.get(target.name)
    return asked or (target.input_size,)


def _batch_sizes(target: Planned, sweep: Sweep) -> Sequence[int]:
    if sweep.inputs:
        return (sweep.inputs[0].shape[0],)
    own = _kept_batch(target, sweep)
    if own is None:
        return sweep.batch_sizes
    return sorted({own if size == 1 else size for size in sweep.batch_sizes})


def _takes_batches(target: Planned, sweep: Sweep) -> bool:
    own = _kept_batch(target, sweep)
    return own is None or tuple(sweep.batch_sizes) in {(1,), (own,)}


def _kept_batch(target: Planned, sweep: Sweep) -> int | None:
    """Return the batch size of the inputs that a target brings and keeps, else None."""
    return None if sweep.inputs or target.sizes(sweep.input_sizes) else target.batch_size
