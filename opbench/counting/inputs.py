"""Make the inputs of a network from a size, from descriptions or from example inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from numbers import Integral, Number
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from opbench.counting.arguments import Arguments, as_arguments, private_arguments
from opbench.counting.rules.nested import padded_shape
from opbench.counting.signature import misfit, names_of
from opbench.errors import BadValueError
from opbench.inputs import TensorSpec, described
from opbench.spec import Shape

Inputs = Sequence[Any] | Tensor | Mapping[str, Any] | Arguments

# Where Lightning and transformers keep inputs that a module can run on.
_ATTRIBUTES = ("example_input_array", "dummy_inputs")
_SHORT = 40  # characters of a value that a sentence repeats


class Request:
    """Inputs for one pass, and whether it is a training pass.

    ``what`` is the size of one image, as in (3, 224, 224), arguments of ``forward`` (a tensor, a
    tuple, a mapping from their names, ``Arguments``), a tuple of ``TensorSpec``, or None.  A size
    does not replace example inputs that come with the network, unless they are one image
    (``takes_size``); the others do.

    Raises ``BadValueError`` for a size that cannot be, and for a batch size beside arguments.
    """

    def __init__(
        self,
        what: Inputs | None,
        batch_size: int,
        dtype: torch.dtype | None,
        training: bool = False,
    ) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise BadValueError(f"the batch size must be a positive integer, not {batch_size!r}")
        if what is not None:
            require_inputs(what)
        self._size = Shape(what) if isinstance(what, Sequence) and is_size(what) else None
        self._what = None if self._size is not None else what
        self._batch_size, self.dtype = batch_size, dtype
        if batch_size != 1 and self._what is not None:
            raise BadValueError("example inputs bring their own batch: change it there")
        self.training = training

    def brought(self, network: nn.Module, example: Arguments | None) -> Arguments | None:
        """Return the inputs that come with the network where they are used, else None."""
        if self._what is not None:
            return None
        if self._size is None:
            return example or brought_by(network)
        return None if example is None or takes_size(example, len(self._size)) else example

    def inputs(self, network: nn.Module, device: str, example: Arguments | None) -> Arguments:
        """Return arguments on "meta" or a real device; random where they have values."""
        brought = self.brought(network, example)
        if brought is not None:
            require_batch(self._batch_size, brought)
            return private_arguments(brought, device, self.dtype)
        if self._size is not None:
            image = _random((self._batch_size, *self._size), dtype_of(network), device)
            # The argument keeps its name.
            return Arguments((image,)) if example is None else example.converted(lambda _: image)
        if self._what is None:
            raise BadValueError(sizeless("this network"))
        if isinstance(self._what, tuple) and (specs := described(self._what)):
            return made(specs, network, device)
        return private_arguments(as_arguments(self._what), device, self.dtype)


def require_batch(asked: int, brought: Arguments) -> None:
    """Raise ``BadValueError`` unless a batch of ``asked`` is one image or that of the inputs."""
    own = batch_size_of(brought)
    if asked not in {1, own}:
        raise BadValueError(
            f"this network brings its own inputs, a batch of {own}: remove --batch-size"
        )


def brought_by(network: nn.Module) -> Arguments | None:
    """Return the inputs that a Lightning or transformers module keeps of its own, if any.

    transformers' are words for every network, also for one that takes images: they do not count.
    """
    for name in _ATTRIBUTES:
        try:
            kept = getattr(network, name, None)
        except Exception:  # noqa: BLE001  a property of a network may raise anything
            continue
        if isinstance(kept, Tensor) or (isinstance(kept, tuple | list | Mapping) and kept):
            arguments = as_arguments(kept)
            named, known = set(arguments.kwargs), set(names_of(network))
            return None if named and known and not named & known else arguments
    return None


def made(specs: Sequence[TensorSpec], network: nn.Module, device: str) -> Arguments:
    """Make arguments for the forward of ``network``.

    Integers are zeros, which are indices into any table; masks (booleans, and integers with mask
    in their name) are ones, which mask nothing; other numbers are random.  Integers and masks have
    their values on the meta device, too.

    Raises ``BadValueError`` where forward does not take them.
    """
    given = [(each.name, _made(each, network, device)) for each in specs]
    arguments = Arguments(
        tuple(each for name, each in given if not name),
        {name: each for name, each in given if name},
    )
    if wrong := misfit(network, arguments):
        raise BadValueError(f"--input: {wrong}")
    return arguments


def _made(spec: TensorSpec, network: nn.Module, device: str) -> Tensor:
    dtype: torch.dtype = getattr(torch, spec.dtype) if spec.dtype else dtype_of(network)
    if dtype.is_floating_point or dtype.is_complex:
        return _random(spec.shape, dtype, device)
    make = torch.ones if dtype is torch.bool or "mask" in spec.name else torch.zeros
    return make(spec.shape, dtype=dtype, device="cpu" if device == "meta" else device)


def _random(shape: Sequence[int], dtype: torch.dtype, device: str) -> Tensor:
    make = torch.empty if device == "meta" else torch.randn
    return make(tuple(shape), dtype=dtype, device=device)


def require_module(module: object) -> None:
    """Raise ``BadValueError`` for anything but a module, such as the function that makes one."""
    if isinstance(module, nn.Module):
        return
    if isinstance(module, str):
        hint = f": opbench.create({module!r}) makes a built-in network"
    else:
        hint = ": call it" if callable(module) else ""
    name = getattr(module, "__qualname__", "") or shortly(module)
    raise BadValueError(f"expected an nn.Module, not {name}{hint}")


def require_inputs(inputs: object) -> None:
    """Raise ``BadValueError`` unless these are a size, a tensor, arguments by position or name."""
    if isinstance(inputs, Tensor | Arguments):
        return
    if isinstance(inputs, Mapping) and all(isinstance(name, str) for name in inputs):
        return
    if not isinstance(inputs, Sequence) or isinstance(inputs, str | bytes):
        raise BadValueError(
            "expected the size of one image such as (3, 224, 224), the tuple of arguments of "
            f"forward, or a dict of them by name, not {shortly(inputs)}"
        )
    numbers = all(isinstance(each, Number) for each in inputs)
    if numbers and (not is_size(inputs) or min(inputs, default=0) < 1):
        raise BadValueError(f"an input size must be positive integers, not {shortly(inputs)}")


def with_keywords(what: Inputs | None, kwargs: Mapping[str, Any] | None) -> Inputs | None:
    """Add keyword arguments to arguments by position.

    Raises ``BadValueError`` where there is nothing that they can be added to.
    """
    if kwargs is None:
        return what
    if what is None:
        return Arguments((), dict(kwargs))
    require_inputs(what)
    if isinstance(what, Mapping) or (isinstance(what, Sequence) and is_size(what)):
        size = "the size of an image" if isinstance(what, Sequence) else "another dict"
        raise BadValueError(f"kwargs stand beside a tuple of arguments, not beside {size}")
    return Arguments(as_arguments(what).args, dict(kwargs))


def shortly(value: object) -> str:
    """Return a value where it is short, else the name of its type."""
    said = repr(value)
    return said if len(said) < _SHORT else f"a {type(value).__name__}"


def batch_size_of(inputs: Arguments) -> int:
    """Return the extent of the first axis of the first tensor; 1 if there is none, or it is 0."""
    first, *_ = *_shapes(inputs), ()
    return (first[0] if first else 0) or 1


def input_sizes_of(inputs: Arguments) -> tuple[Shape, ...]:
    """Return the shape of every tensor without its first axis; one without extents if none is."""
    return tuple(Shape(shape[1:]) for shape in _shapes(inputs)) or (Shape(),)


def _shapes(inputs: Arguments) -> list[tuple[int, ...]]:
    return [padded_shape(each) for each in inputs.tensors()]


def takes_size(example: Arguments, axes: int) -> bool:
    """Return whether an example is one batch of images with so many axes each.

    Random images of another size can replace it; they can replace nothing else.
    """
    leaves = tree_leaves((example.args, example.kwargs))
    first = leaves[0] if len(leaves) == 1 else None
    return isinstance(first, Tensor) and first.is_floating_point() and first.dim() == 1 + axes


def is_size(what: Sequence[Any]) -> bool:
    """Return whether these are integers, and so the size of an image."""
    return all(isinstance(each, Integral) and not isinstance(each, bool) for each in what)


def dtype_of(network: nn.Module) -> torch.dtype:
    """Return the type of the first floating-point weight, which is the one the input meets."""
    for tensor in chain(network.parameters(), network.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.get_default_dtype()


def sizeless(network: str) -> str:
    """Return the sentence about a network of whose input nothing says how large it is."""
    return (
        f"{network} brings no example inputs: add --input-size 3x224x224 (channels x height x "
        "width) or --input NAME=1x128:int64, or name a function that returns a pair (module, "
        "arguments)"
    )
