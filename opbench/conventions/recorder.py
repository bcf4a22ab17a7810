"""The machinery that writes a ``Trace``.

Watched are, while a forward pass runs, the dispatcher, where every operator passes;
``nn.Module.__call__``, replaced for all classes at once so that no module gets a hook; functions
with a gradient of their own; and the public names that ``WATCHED`` lists, because some
counters replace these and see only what is called through them.  All is put back whatever happens.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from opbench.conventions.trace import FunctionCall, ModuleCall, OperatorCall, Trace
from opbench.counting.dispatch import OperatorMode
from opbench.counting.tracer import Verdict, judge, operator_name, parts_of, run

_FUNCTIONS = """
    relu prelu elu relu6 gelu silu softmax upsample interpolate
    avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
"""
WATCHED: dict[str, tuple[Any, str]] = {
    **{f"torch.nn.functional.{name}": (functional, name) for name in _FUNCTIONS.split()},
    **{f"torch.{name}": (torch, name) for name in ("matmul", "mm", "bmm", "addmm", "baddbmm")},
    **{f"torch.{name}": (torch, name) for name in ("mul", "add")},
    **{f"Tensor.{name}": (Tensor, name) for name in ("matmul", "mm", "bmm", "addmm")},
    **{f"Tensor.{name}": (Tensor, name) for name in ("mul", "add")},
}

# ``Function.apply`` may have been taken hold of long ago; it calls that of the class below.
_BelowFunction = torch.autograd.function._SingleLevelFunction

_COMPOSITE_KEY = torch._C.DispatchKey.CompositeImplicitAutograd


class Recorder(OperatorMode):  # type: ignore[no-untyped-call]
    """Writes down what runs inside ``with recorder.watching(network):``."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.functions: list[FunctionCall] = []
        self.modules: list[ModuleCall] = []
        self._open: list[list[OperatorCall]] = [[]]
        self._inside = 0  # how many operators are running
        self._deaf = False
        self._memories = _Memories()

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        """Watch ``network`` and the whole library until the block ends."""
        with ExitStack() as stack:
            stack.enter_context(_replaced(nn.Module, "__call__", self._module_call(network)))
            stack.enter_context(_replaced(_BelowFunction, "apply", self._function_apply()))
            for name, (owner, attribute) in WATCHED.items():
                call = self._function_call(name, getattr(owner, attribute))
                stack.enter_context(_replaced(owner, attribute, call))
            stack.enter_context(self)
            yield

    def trace(self, network: nn.Module, images: int, result: Any) -> Trace:
        """What was written down, for a forward pass that returned ``result``."""
        return Trace(
            network=network,
            images=images,
            operators=tuple(self._open[0]),
            functions=tuple(self.functions),
            modules=tuple(self.modules),
            results=self._memories.of(result),
        )

    def carry_out(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operator and write it down."""
        if self._deaf:
            return func(*args, **kwargs)
        self._inside += 1
        try:
            return self._noted(
                operator_name(func),
                lambda: self._run(func, args, kwargs),
                args,
                reads=self._memories.of((args, kwargs)),
                in_place=_is_in_place(func),
            )
        finally:
            self._inside -= 1

    def _noted(
        self,
        name: str,
        carry_out: Callable[[], Any],
        args: Any,
        *,
        reads: frozenset[int],
        in_place: bool = False,
    ) -> Any:
        """Carry out an operator and write it down, with those that run meanwhile as its parts."""
        before = self._unseen(args)
        self._open.append([])
        try:
            out = carry_out()
        finally:
            parts = self._open.pop()
        self._open[-1].append(
            OperatorCall(
                name=name,
                args=before,
                out=self._unseen(out),
                parts=tuple(parts),
                in_place=in_place,
                reads=reads,
                writes=self._memories.of(out),
            )
        )
        return out

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Composite operators are taken apart, whether or not there is a rule for the whole."""
        if not _is_composite(func):
            return run(func, args, kwargs)
        with self:
            return parts_of(func)(*args, **kwargs)

    def _module_call(self, network: nn.Module) -> Callable[..., Any]:
        original, members = nn.Module.__call__, set(map(id, network.modules()))

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if id(module) not in members:
                return original(module, *args, **kwargs)
            inputs = self._unseen(args)
            out = original(module, *args, **kwargs)
            self.modules.append(ModuleCall(module=module, inputs=inputs, out=self._unseen(out)))
            return out

        return call

    def _function_call(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._inside:  # else torch itself calls it, to find out a shape
                before, options = self._unseen((args, kwargs))
                self.functions.append(FunctionCall(name=name, args=before, kwargs=options))
            return original(*args, **kwargs)

        return call

    def _function_apply(self) -> Any:
        def apply(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
            original = super(_BelowFunction, cls).apply  # type: ignore[misc]
            reads = self._memories.of((args, kwargs))
            name, carry_out = f"autograd::{cls.__name__}", partial(original, *args, **kwargs)
            return self._noted(name, carry_out, args, reads=reads)

        return classmethod(apply)

    def _unseen(self, value: Any) -> Any:
        """Snapshots made between two operators, without being one."""
        self._deaf = True
        try:
            return _snapshots(value)
        finally:
            self._deaf = False


class _Memories:
    """A number for each storage, never used twice."""

    def __init__(self) -> None:
        self._numbers: dict[int, tuple[int, Any]] = {}
        self._next = itertools.count()

    def of(self, value: Any) -> frozenset[int]:
        """The memories of all tensors in ``value``."""
        return frozenset(number for tensor in _tensors(value) for number in self._number(tensor))

    def _number(self, tensor: Tensor) -> Iterator[int]:
        try:
            storage = tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):  # sparse and opaque tensors have none
            return
        key = storage._cdata
        if key not in self._numbers:
            forget = weakref.ref(storage, lambda _: self._numbers.pop(key))
            self._numbers[key] = (next(self._next), forget)
        yield self._numbers[key][0]


def _is_composite(func: Any) -> bool:
    return judge(func) is Verdict.COMPOSITE or (
        isinstance(func, torch._ops.OpOverload) and func.has_kernel_for_dispatch_key(_COMPOSITE_KEY)
    )


def _is_in_place(func: Any) -> bool:
    name = func._schema.name if isinstance(func, torch._ops.OpOverload) else ""
    return name.endswith("_") and not name.endswith("__")


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))


def _snapshots(value: Any) -> Any:
    if isinstance(value, Tensor):
        return _snapshot(value)
    if isinstance(value, (tuple, list)):
        inside = [_snapshots(each) for each in value]
        return type(value)(*inside) if hasattr(value, "_fields") else type(value)(inside)
    if isinstance(value, dict):
        return {key: _snapshots(each) for key, each in value.items()}
    return value


def _snapshot(tensor: Tensor) -> Tensor:
    """Shapes may be changed in place later, so the tensor itself is no record."""
    if tensor.layout is not torch.strided or tensor.is_nested:
        return tensor
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor.detach()
    return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """``Tensor.add`` and its like are inherited: there is nothing to put back but its absence."""
    own = name in vars(owner)
    original = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)
