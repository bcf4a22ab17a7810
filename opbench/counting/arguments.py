"""Arguments of a forward pass, by position and by name, and the tensors inside them.

A forward pass may change what it is given (a cache, a dictionary), so that everything is copied.
Tensors are found in containers, in dataclasses and in the attributes of objects.  What cannot be
copied (a lock, an open file) is passed as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from opbench.counting.copies.copying import ConvertStrayTensors, converter
from opbench.counting.copies.duplicate import Duplicator
from opbench.counting.copies.exported import example_in, is_exported, module_in
from opbench.errors import TargetError
from opbench.images import Images

FORMS = (
    "an nn.Module or ExportedProgram, a pair (module, arguments) or a triple (module, arguments, "
    "keyword arguments), where arguments are a tuple and keyword arguments a dict"
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of ``forward(*args, **kwargs)``, with a batch dimension where they have one.

    ``images`` are those that a target brings, of which the arguments were made.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    images: Images | None = None

    def passed_to(self, function: Callable[..., Any]) -> Any:
        """Return ``function(*args, **kwargs)``."""
        return function(*self.args, **self.kwargs)

    def named(self) -> list[tuple[str, Any]]:
        """Return each argument with its name, "" of one by position."""
        return [*(("", each) for each in self.args), *self.kwargs.items()]

    def converted(self, convert: Callable[[Tensor], Tensor]) -> Arguments:
        """Return a copy in which ``convert`` has replaced every tensor."""
        duplicate = Duplicator(convert, {})
        with ConvertStrayTensors(convert):
            args = tuple(map(duplicate, self.args))
            return Arguments(args, {key: duplicate(each) for key, each in self.kwargs.items()})

    def tensors(self) -> list[Tensor]:
        """Return every tensor inside the arguments, each once."""
        found: dict[int, Tensor] = {}
        self.converted(lambda each: found.setdefault(id(each), each))
        return list(found.values())


def as_arguments(given: Arguments | Mapping[str, Any] | Sequence[Any] | Tensor) -> Arguments:
    """Read one tensor, a sequence of arguments or a mapping of keyword arguments."""
    if isinstance(given, Arguments):
        return given
    if isinstance(given, Tensor):
        return Arguments((given,))
    return Arguments((), dict(given)) if isinstance(given, Mapping) else Arguments(tuple(given))


def private_arguments(
    arguments: Arguments, device: str, dtype: torch.dtype | None = None
) -> Arguments:
    """Return copies on "meta" or a real device, numbers with a fraction as ``dtype``."""
    convert = converter(device)
    if dtype is None:
        return arguments.converted(convert)

    def convert_both(tensor: Tensor) -> Tensor:
        placed = convert(tensor)
        return placed.to(dtype) if placed.is_floating_point() else placed

    return arguments.converted(convert_both)


def read_built(built: Any, what: str = "the function") -> tuple[nn.Module, Arguments | None]:
    """Read what ``what`` returned: a network alone, or with arguments and keyword arguments.

    Raises ``TargetError`` for anything else.
    """
    module, *given = built if isinstance(built, tuple) and built else (built,)
    if is_exported(module):
        module, given = module_in(module), given or [*example_in(module)]
    if isinstance(module, nn.Module) and len(given) in (1, 2) and _are_images(given[0]):
        images = Images.read(*given)
        return module, Arguments((images.resize(images.decode()),), images=images)
    if len(given) == 1 and isinstance(given[0], Mapping):
        given = [None, *given]
    if isinstance(module, nn.Module) and len(given) <= 2:
        args, kwargs = (*given, None, None)[:2]
        if args is None and kwargs is None:
            return module, None
        if isinstance(args, Arguments):
            return module, args
        if isinstance(args, Tensor | tuple | None) and isinstance(kwargs, Mapping | None):
            positional = () if args is None else as_arguments(args).args
            return module, Arguments(positional, dict(kwargs or {}))
    raise TargetError(f"{what} returned {_kind(built)}: it must return {FORMS}")


def _are_images(given: Any) -> bool:
    """Return whether a target brings images; a list of tensors is meant to be arguments."""
    return isinstance(given, list) and not any(isinstance(each, Tensor) for each in given)


def by_position(network: nn.Module, arguments: Arguments) -> tuple[Any, ...]:
    """Return arguments for tools that pass none by name.

    The forward of ``network``, a private copy, is replaced by one that takes the tensors among
    its keyword arguments by position, and knows the others.
    """
    names = [name for name, each in arguments.kwargs.items() if isinstance(each, Tensor)]
    if not arguments.kwargs:
        return arguments.args
    forward, number = network.forward, len(arguments.args)

    def fed(*given: Any) -> Any:
        named = dict(zip(names, given[number:], strict=True))
        return forward(*given[:number], **{**arguments.kwargs, **named})

    network.forward = fed
    return (*arguments.args, *(arguments.kwargs[name] for name in names))


def _kind(built: Any) -> str:
    if not (isinstance(built, tuple) and built and isinstance(built[0], nn.Module)):
        return "nothing" if built is None else f"a value {_type_of(built)}"
    if len(built) > 3:
        return f"a module and {len(built) - 1} other values"
    args, *kwargs = built[1:]
    if kwargs and isinstance(args, Tensor | tuple | None):
        return f"a module with keyword arguments {_type_of(*kwargs)}"
    return f"a module with arguments {_type_of(args)}"


def _type_of(value: Any) -> str:
    return f"of type {type(value).__name__}"
