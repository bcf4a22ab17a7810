"""The values of counting: exact integers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Self, TypeVar

from opbench.spec import Shape
from opbench.value import Natural, Value

_Key = TypeVar("_Key", str, tuple[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(Value):
    """The five sums over a network.

    params: elements of all parameters, a shared one once; buffers are not parameters.  Of a layer
        that stores its weights packed (quantised, frozen, in another layout) the weights and biases
        that it had before, as far as it shows them.
    macs: multiply-accumulates by the rule of ``opbench.counting``.
    activations: elements of the outputs of convolutions and linear layers.
    weight_bytes: parameters and buffers as stored: packed weights with the scales and zero points
        of channels, of a tensor made of others (sparse, quantised) all of these.
    peak_activation_bytes: the largest sum of the sizes of tensors alive at one moment of the
        forward pass, input included, parameters and buffers not.
    """

    params: Natural
    macs: Natural
    activations: Natural
    weight_bytes: Natural
    peak_activation_bytes: Natural

    def totals(self) -> dict[str, int]:
        """Return the five sums by name."""
        return {name: getattr(self, name) for name in TOTALS}


TOTALS = tuple(each.name for each in fields(Totals))
# These follow from the network alone; the peak also depends on how the installed PyTorch takes its
# operators apart.
EXACT = tuple(name for name in TOTALS if name != "peak_activation_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCount:
    """All calls of one operator with the same shapes and types inside one module.

    ``module`` is the qualified name of the module that was running ("" is the network itself);
    ``operator`` the operator's name without namespace and overload ("convolution", "mm");
    ``operands`` and ``result`` the shapes of its tensors; ``calls`` how often; ``macs`` and
    ``activations`` the sum over the calls; ``precision`` the types of the factors of its products,
    "float32" or "bfloat16 x int4", "" where it has no rule.  Counts are equal in any type.
    """

    module: str
    operator: str
    operands: tuple[Shape, ...]
    result: Shape
    calls: int
    macs: int
    activations: int
    precision: str = field(default="", compare=False)

    @property
    def shape(self) -> str:
        """The shapes as printed: "1x3x224x224 * 64x3x7x7 -> 1x64x112x112"."""
        return f"{' * '.join(map(str, self.operands))} -> {self.result}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSum(Value):
    """All calls of one operator in a network."""

    calls: Natural
    macs: Natural
    activations: Natural

    @classmethod
    def of(cls, operators: Iterable[OperatorCount]) -> Self:
        """Return the sums over ``operators``."""
        rows = tuple(operators)
        return cls(**{key.name: sum(getattr(row, key.name) for row in rows) for key in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCount:
    """One module of a network with everything below it.

    ``params`` counts a shared parameter once per module that holds it; ``output`` is the shape of
    what it returned last, None when it never ran or returned no tensor.  ``file`` and ``qualname``
    are where its class is defined.
    """

    name: str
    kind: str
    depth: int
    params: int
    macs: int
    activations: int
    output: Shape | None
    file: str = ""
    qualname: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Totals):
    """Exact counts of one forward pass, for the whole batch.

    input_size: the shape of the first input without the batch; other_input_sizes: of the others.
    uncounted: operators with neither a rule nor a place on the list of free ones, and work in a
        thread that could not be traced, sorted.
    functions: the calls of activation functions that are no modules, such as ``F.relu``.
    device: "meta" or "cpu", where the forward pass was traced; "graph" of an ONNX file, with the
        number of tensors whose size depends on values and is missing from the peak.
    fallback: why real tensors were needed where nobody asked for them, or the network was counted
        as on a GPU that is not here, else "".
    own_inputs: the inputs are those that came with the network, whatever size was asked for.
    training: macs, peak and operators are those of a forward and a backward pass; the peak
        includes what is saved for the way back, and the gradients of parameters.  Activations are
        those of the forward pass.
    """

    batch_size: int
    input_size: Shape
    operators: tuple[OperatorCount, ...]
    modules: tuple[ModuleCount, ...]
    uncounted: tuple[str, ...]
    device: str
    other_input_sizes: tuple[Shape, ...] = ()
    functions: Mapping[str, int] = field(default_factory=dict)
    own_inputs: bool = False
    fallback: str = field(default="", compare=False)
    training: bool = False

    @property
    def input_sizes(self) -> tuple[Shape, ...]:
        """The sizes of all inputs."""
        return (self.input_size, *self.other_input_sizes)

    @property
    def flops(self) -> int:
        """Two operations per multiply-accumulate: for charts only."""
        return 2 * self.macs

    def by_operator(self) -> dict[str, OperatorSum]:
        """Return the sums over the calls of each operator, most MACs first."""
        groups = _grouped(self.operators, lambda each: each.operator)
        sums = {operator: OperatorSum.of(rows) for operator, rows in groups.items()}
        return dict(sorted(sums.items(), key=lambda item: -item[1].macs))

    def by_precision(self) -> dict[tuple[str, str], OperatorSum]:
        """Return the sums over the calls of each operator and precision, most MACs first."""
        groups = _grouped(self.operators, lambda each: (each.operator, each.precision))
        sums = {both: OperatorSum.of(rows) for both, rows in groups.items()}
        return dict(sorted(sums.items(), key=lambda item: -item[1].macs))

    def by_module(self) -> dict[str, list[OperatorCount]]:
        """Return the operators that ran in each module itself, not in those below it."""
        return _grouped(self.operators, lambda each: each.module)


def _grouped(
    rows: Iterable[OperatorCount], key: Callable[[OperatorCount], _Key]
) -> dict[_Key, list[OperatorCount]]:
    groups: dict[_Key, list[OperatorCount]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
