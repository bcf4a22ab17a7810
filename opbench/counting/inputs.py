"""Make the inputs of a network from a size or example inputs, checked before it is built."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from numbers import Integral, Number
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from opbench.counting.copying import private_inputs
from opbench.errors import BadValueError
from opbench.spec import Shape

Inputs = Sequence[Any] | Tensor

_SHORT = 40  # characters of a value that a sentence repeats


class Request:
    """Inputs for one forward pass.

    ``what`` is the size of one image, as in (3, 224, 224), the tuple of arguments of ``forward``,
    or None.  A size does not replace example inputs that come with the network, unless they are
    one image (``takes_size``).

    Raises ``BadValueError`` for a size that cannot be, or for neither size nor arguments.
    """

    def __init__(self, what: Inputs | None, batch_size: int, dtype: torch.dtype | None) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise BadValueError(f"the batch size must be a positive integer, not {batch_size!r}")
        if what is not None:
            require_inputs(what)
        if batch_size != 1 and _is_example(what):
            raise BadValueError("example inputs bring their own batch: change it there")
        self._what, self._batch_size, self.dtype = what, batch_size, dtype

    def inputs(self, network: nn.Module, device: str, example: Inputs | None) -> tuple[Any, ...]:
        """Return arguments on "meta" or a real device; random where they have values."""
        what = self._what
        if example is not None and self.leaves(example):
            self._check_batch(batch_size_of(_arguments(example)))
            what = example
        if what is None:
            raise BadValueError(sizeless("this network"))
        if isinstance(what, Tensor) or not is_size(what):
            return self._converted(private_inputs(_arguments(what), device))
        shape, dtype = (self._batch_size, *what), _dtype_of(network)
        if device == "meta":
            return (torch.empty(shape, dtype=dtype, device="meta"),)
        return (torch.randn(shape, dtype=dtype, device=device),)

    def leaves(self, example: Inputs) -> bool:
        """Return whether the example inputs that come with the network are used."""
        if self._what is None:
            return True
        return not _is_example(self._what) and not takes_size(_arguments(example), len(self._what))

    def _check_batch(self, own: int) -> None:
        if self._batch_size not in {1, own}:
            raise BadValueError(
                f"this network brings its own inputs, a batch of {own}: remove --batch-size"
            )

    def _converted(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Convert to the type that the network is converted to, except indices and masks."""
        if self.dtype is None:
            return inputs
        return tuple(
            tree_map_only(
                Tensor,
                lambda each: each.to(self.dtype) if each.is_floating_point() else each,
                inputs,
            )
        )


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
    """Raise ``BadValueError`` unless these are a size, a tensor or a tuple of arguments."""
    if isinstance(inputs, Tensor):
        return
    if not isinstance(inputs, Sequence) or isinstance(inputs, str | bytes):
        raise BadValueError(
            "expected the size of one image such as (3, 224, 224), or the tuple of arguments of "
            f"forward, not {shortly(inputs)}"
        )
    numbers = all(isinstance(each, Number) for each in inputs)
    if numbers and (not is_size(inputs) or min(inputs, default=0) < 1):
        raise BadValueError(f"an input size must be positive integers, not {shortly(inputs)}")


def shortly(value: object) -> str:
    """Return a value where it is short, else the name of its type."""
    said = repr(value)
    return said if len(said) < _SHORT else f"a {type(value).__name__}"


def _arguments(what: Inputs) -> tuple[Any, ...]:
    return (what,) if isinstance(what, Tensor) else tuple(what)


def batch_size_of(inputs: tuple[Any, ...]) -> int:
    """Return the extent of the first axis of the first tensor; 1 if there is none."""
    first, *_ = *_shapes(inputs), ()
    return first[0] if first else 1


def input_sizes_of(inputs: tuple[Any, ...]) -> tuple[Shape, ...]:
    """Return the shape of every tensor without its first axis; one without extents if none is."""
    return tuple(Shape(shape[1:]) for shape in _shapes(inputs)) or (Shape(),)


def _shapes(inputs: tuple[Any, ...]) -> list[tuple[int, ...]]:
    return [tuple(each.shape) for each in tree_leaves(inputs) if isinstance(each, Tensor)]


def takes_size(example: tuple[Any, ...], axes: int) -> bool:
    """Return whether an example is one batch of images with so many axes each.

    Random images of another size can replace it; they can replace nothing else.
    """
    first, *others = tree_leaves(example)
    return (
        not others
        and isinstance(first, Tensor)
        and first.is_floating_point()
        and first.dim() == 1 + axes
    )


def _is_example(what: Inputs | None) -> bool:
    return isinstance(what, Tensor) or (isinstance(what, Sequence) and not is_size(what))


def is_size(what: Sequence[Any]) -> bool:
    """Return whether these are integers, and so the size of an image."""
    return all(isinstance(each, Integral) and not isinstance(each, bool) for each in what)


def _dtype_of(network: nn.Module) -> torch.dtype:
    """Return the type of the first floating-point weight, which is the one the input meets."""
    for tensor in chain(network.parameters(), network.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.get_default_dtype()


def sizeless(network: str) -> str:
    """Return the sentence about a network of whose input nothing says how large it is."""
    return (
        f"{network} brings no example inputs: add --input-size 3x224x224 (channels x height x "
        "width), or name a function that returns a pair (module, tuple of inputs)"
    )
