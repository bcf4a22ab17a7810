"""Resolve a TARGET of the command line to something that can be built and counted.

    resnet50, resnet*        an entry of the registry, or all that a glob matches
    torchvision:NAME         a network of torchvision, NAME may be a glob
    timm:NAME                a network of timm, NAME may be a glob
    package.module:ATTR      anything importable
    path/file.py:ATTR        anything in a file
    path/model.onnx          the graph in a file, which is counted and never run

ATTR is a module, or a callable without arguments that returns a module, a pair (module, arguments)
or a triple (module, arguments, keyword arguments): arguments are a tuple, keyword arguments a dict,
and a pair of a module and a dict means keyword arguments. A list in the place of the tuple is a
batch of images (``opbench.images``), whose stages `opbench run --stages` times. A program of
``torch.export`` may stand in the place of a module; its own example inputs are used where none are
given. An unknown name and a missing file are refused at once; a user's code is imported only when
the target is built, so that one broken target does not stop the others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from opbench.counting import build_and_count
from opbench.counting.arguments import Arguments, read_built
from opbench.counting.copies.exported import is_network
from opbench.counting.copies.namespaces import put_back
from opbench.counting.copies.original import until_its_end
from opbench.counting.meta import fallback
from opbench.errors import (
    BadValueError,
    OpbenchError,
    TargetError,
    describe,
)
from opbench.inputs import AskedInputs, described
from opbench.record import Count
from opbench.registry import entries, graphs, hints, providers, rules, torchvision_operators
from opbench.registry.imports import import_file, importable
from opbench.spec import ArchitectureSpec

Built = tuple[nn.Module, Arguments | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A network that can be built, counted and timed.

    ``build`` returns the network, a new one each time if it can, and example inputs with a batch
    dimension if the target has them; raises ``TargetError``.  ``input_size`` is that of one
    image, None where only the example inputs or the user can tell; ``images`` how many of them
    are the arguments of one forward pass (two for optical flow).  ``graph`` is the file of one
    that is counted without being built.
    """

    name: str
    build: Callable[[], Built]
    input_size: tuple[int, ...] | None = None
    images: int = 1
    spec: ArchitectureSpec | None = None
    graph: Path | None = None

    def inputs(self, asked: AskedInputs, batch_size: int) -> tuple[tuple[Any, ...] | None, int]:
        """Return the size, descriptions or arguments to count, and how many to make a batch of.

        None stands for the target's own inputs; several images are a batch already.
        """
        size = asked or self.input_size
        if size and self.images > 1 and not described(asked):
            return (torch.empty((batch_size, *size), device="meta"),) * self.images, 1
        return size, batch_size


def resolve(patterns: Sequence[str]) -> tuple[Target, ...]:
    """Return the targets that ``patterns`` name, each once, in order; no pattern: the registry.

    Raises ``UnknownNameError`` with near matches, ``BadFileError`` for a missing file,
    ``MissingExtraError`` where torchvision or timm is needed and absent.
    """
    targets: dict[str, Target] = {}
    for pattern in patterns or ("*",):
        for target in _expand(pattern):
            targets.setdefault(target.name, target)
    return tuple(targets.values())


def count_target(
    target: Target,
    asked: AskedInputs = None,
    *,
    batch_size: int = 1,
    dtype: torch.dtype | None = None,
    training: bool = False,
) -> Count:
    """Count ``target`` at the size or on the inputs asked for, else on its own.

    Inputs that it brings stay beside a size, unless they are one image with as many axes
    (``own_inputs``).
    Raises ``TargetError`` where it cannot be built, ``CountError`` where it cannot run, and
    ``BadValueError`` where nothing says how large its input is.
    """
    if target.graph:
        if training:
            raise BadValueError(f"{target.name} has no backward pass: remove --pass training")
        name = None if dtype is None else str(dtype).removeprefix("torch.")
        return graphs.count(target.graph, asked, batch_size, name)
    inputs, images = target.inputs(asked, batch_size)
    with fallback.naming(target.name), rules.of_project(Path.cwd()):
        return build_and_count(
            target.build, inputs, batch_size=images, dtype=dtype, training=training
        )


def require_size_used(name: str, size: AskedInputs, counted: Count) -> None:
    """Raise ``BadValueError`` where a size was asked for of a target that keeps its inputs."""
    if size and counted.own_inputs:
        raise BadValueError(f"{name} brings its own inputs: remove --input-size")


def warm_up() -> None:
    """Count the smallest network, so that all that counting imports is loaded."""
    count_target(registered("lenet5"))


def _expand(pattern: str) -> Iterator[Target]:
    head, colon, attribute = pattern.rpartition(":")
    if graphs.is_graph(pattern):
        for path in graphs.files(pattern):
            yield Target(name=str(path), build=partial(graphs.refuse, path), graph=path)
    elif not colon:
        yield from _registered(pattern)
    elif graphs.is_graph(head):
        raise BadValueError(f"{pattern} is a graph: name the file alone, {head}")
    elif head in providers.PROVIDERS:
        yield from _provided(head, attribute)
    elif not head.rstrip(":") or not attribute or head.endswith(":"):
        raise hints.malformed(pattern)
    elif head.endswith(".py"):
        path = Path(head)
        if not path.is_file():
            raise hints.missing_file(path, attribute)
        yield Target(name=pattern, build=lambda: _built(pattern, lambda: import_file(path)))
    else:
        yield Target(
            name=pattern, build=lambda: _built(pattern, lambda: _import_module(head, pattern))
        )


def _registered(pattern: str) -> Iterator[Target]:
    matches = entries.match(pattern)
    if not matches:
        raise hints.not_registered(pattern, entries.names())
    for name in matches:
        yield registered(name)


def registered(name: str) -> Target:
    """Return the registry's entry ``name`` as a target.  Raises ``UnknownNameError``."""
    spec = entries.get(name)
    return Target(
        name=spec.name,
        build=lambda: (spec.build(), None),
        input_size=spec.input_size,
        spec=spec,
    )


def _provided(provider: str, pattern: str) -> Iterator[Target]:
    for name in providers.match(provider, pattern):
        yield Target(
            name=f"{provider}:{name}",
            build=partial(_build_provided, provider, name),
            input_size=providers.input_size(provider, name),
            images=providers.images_per_pass(provider, name),
        )


def _build_provided(provider: str, name: str) -> Built:
    return providers.build(provider, name), None


def _built(target: str, load: Callable[[], ModuleType]) -> Built:
    """Import, look up and call a user's ATTR.  Raises ``TargetError`` for whatever fails."""
    attribute = target.rpartition(":")[2]
    try:
        with importable(Path.cwd()):
            # A module is imported once for everybody: what it makes must have its weights, even
            # when it is a count that first asks for it.
            with torch._C.DisableTorchFunction():
                module = torchvision_operators.load(load)
            found = _attribute(module, attribute, target)
            if is_network(found):
                return read_built(found)
            until_its_end(put_back(frozenset({module.__name__})))
            made = torchvision_operators.load(lambda: _call(found, target))
            # Images are decoded with their values, whatever makes none of the weights.
            with torch._C.DisableTorchFunction():
                return read_built(made, f"the target {target!r}")
    except OpbenchError:
        raise
    except (Exception, SystemExit) as error:  # a script that reads its arguments may exit
        raise TargetError(f"the target {target!r} cannot be built: {describe(error)}") from error


def _attribute(module: ModuleType, dotted: str, target: str) -> Any:
    found: Any = module
    for name in dotted.split("."):
        if not hasattr(found, name):
            raise hints.missing_attribute(found, name, target)
        found = getattr(found, name)
    return found


def _call(found: Any, target: str) -> Any:
    if not callable(found):
        raise hints.not_a_network(found, target)
    try:
        inspect.signature(found).bind()
    except TypeError:
        raise hints.needs_arguments(found, target) from None
    except ValueError:  # some of what is written in C does not say what it takes
        pass
    return found()


def _import_module(name: str, target: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if f"{name}.".startswith(f"{error.name}."):  # and not one that it imports
            raise hints.missing_module(str(error.name), target) from error
        raise
