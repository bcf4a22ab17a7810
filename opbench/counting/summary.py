"""Turn the tally of one traced forward pass into a ``Count``.

Sums run along qualified names: a module's count is its own operators' and that of every module
below it, so that the network's own count is the total.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping

from torch import nn

from opbench.counting.copies.copying import named_modules_of
from opbench.counting.rules.precision import precision
from opbench.counting.stored import Named, Part, parts_of
from opbench.counting.sums import shared_once, with_everything_below
from opbench.counting.tracing.tracer import Tracer
from opbench.record import Count, ModuleCount, OperatorCount
from opbench.spec import Shape

# Of the modules here it is their kind that says which functions they call.
_THEMSELVES = ("torch.nn.modules.activation", "torch.nn.modules.rnn")


def summarise(
    network: nn.Module,
    tracer: Tracer,
    *,
    batch_size: int,
    input_sizes: tuple[Shape, ...],
    device: str,
    own_inputs: bool,
    training: bool,
) -> Count:
    """Return the count of a network that has been traced on ``device``."""
    named = named_modules_of(network)
    parts = list(parts_of(named))
    params = _params(parts)
    return Count(
        batch_size=batch_size,
        input_size=input_sizes[0],
        other_input_sizes=input_sizes[1:],
        params=params[""],
        macs=sum(tracer.macs.values()),
        activations=sum(tracer.activations.values()),
        weight_bytes=sum({part.key: part.bytes for part in parts}.values()),
        peak_activation_bytes=tracer.lifetimes.peak_bytes,
        operators=tuple(_operators(tracer)),
        modules=tuple(_modules(named, tracer, params)),
        uncounted=tuple(
            sorted({*tracer.uncounted, *(each.unread for each in parts if each.unread)})
        ),
        functions=_functions(dict(named), tracer),
        device=device,
        own_inputs=own_inputs,
        training=training,
    )


def _functions(modules: Mapping[str, nn.Module], tracer: Tracer) -> dict[str, int]:
    """Return the calls of activation functions outside the modules that are one, by name."""
    sums: Counter[str] = Counter()
    for (module, function), calls in tracer.functions.items():
        if type(modules[module]).__module__ not in _THEMSELVES:
            sums[function] += calls
    return dict(sorted(sums.items()))


def _operators(tracer: Tracer) -> Iterable[OperatorCount]:
    for call, times in tracer.calls.items():
        module, operator, operands, result, types = call
        yield OperatorCount(
            module=module,
            operator=operator,
            operands=tuple(map(Shape, operands)),
            result=Shape(result),
            calls=times,
            macs=tracer.macs.get(call, 0),
            activations=tracer.activations.get(call, 0),
            precision=precision(operator, types) if call in tracer.macs else "",
        )


def _modules(named: Named, tracer: Tracer, params: Mapping[str, int]) -> Iterable[ModuleCount]:
    """Yield each module once, by the first of its names."""
    first: dict[nn.Module, str] = {}
    for name, module in named:
        first.setdefault(module, name)
    macs = with_everything_below(tracer.macs)
    activations = with_everything_below(tracer.activations)
    for module, name in first.items():
        yield ModuleCount(
            name=name,
            kind=type(module).__name__,
            depth=name.count(".") + 1 if name else 0,
            params=params[name],
            macs=macs[name],
            activations=activations[name],
            output=tracer.scopes.outputs.get(name),
            file=_file(type(module)),
            qualname=type(module).__qualname__,
        )


def _file(kind: type) -> str:
    """Return the file of a class, which ``inspect`` asks the class's module for too."""
    return getattr(sys.modules.get(kind.__module__), "__file__", None) or ""


def _params(parts: Iterable[Part]) -> Mapping[str, int]:
    """Return the parameters in and below each module, a shared one once in each."""
    held: dict[Hashable, tuple[int, list[str]]] = {}
    for part in parts:
        if part.params:
            held.setdefault(part.key, (part.params, []))[1].append(part.module)
    return shared_once(held.values())
