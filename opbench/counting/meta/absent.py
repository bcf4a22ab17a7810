"""Count a network that names a device which this machine does not have.

``x.cuda()`` or ``device="cuda"`` in a constructor or a forward pass means nothing for a count.
Where a network fails for lack of such a device it is built and run once more: what it makes or
moves there stays where its other tensors are; streams, events and synchronisation do nothing.

``torch.cuda.is_available()`` stays false: a network that asks takes the way of this machine.  One
that refuses to run on it, by an assertion or an error that is raised where the answer is no
(``assert x.is_cuda``), is run as on a GPU: every tensor says that it is there.  A warning and
``Count.fallback`` say so.  Asked for its properties, the device says that it is an H100, on which
every kernel runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from inspect import getsourcelines
from tokenize import TokenError
from traceback import walk_tb
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from opbench.counting.meta.disguise import on_meta, said_to_be_on
from opbench.counting.meta.fallback import announce_device, reason_of
from opbench.counting.tracing.torch_state import undisturbed
from opbench.errors import BadValueError, message_of

T = TypeVar("T")

_COMPLAINT = re.compile(
    r"CUDA|_cuda_|NVIDIA|NVTX|XPU|HPU|accelerator|not linked with support for|cannot pin"
    r"|dummy base class|unknown parameter type|Invalid device id|cudaMemGetInfo|GPU"
    r"|not supported between instances of 'NoneType' and 'int'"
)
_ASKS = re.compile(r"cuda|gpu|device", re.IGNORECASE)  # a condition
_ABSENT = re.compile(r"(cuda|xpu|mps|hpu|npu|mtia)(:\d+)?")
_HERE = {"cpu", "meta"}
_GPU = torch.device("cuda", 0)
_REASONS: list[str] = []  # why every tensor says now that it is on a GPU


def tolerated(attempt: Callable[[], T]) -> T:
    """Return ``attempt()``, tried once more where it failed for lack of a device."""
    try:
        return attempt()
    except BadValueError:
        raise
    except Exception as error:
        if torch.cuda.is_available() or not _lacks_device(error):
            raise
    import_module("torch._dynamo")  # it makes lists of torch's functions, of the true ones
    with undisturbed(), _pretended():
        try:
            return attempt()
        except BadValueError:
            raise
        except Exception as error:
            if not _refuses_device(error):
                raise
            reason = reason_of(error)
    announce_device(reason)
    with undisturbed(), _pretended(), _on_gpu(reason):
        return attempt()


def reason_for_gpu() -> str:
    """Return why every tensor says now that it is on a GPU, or nothing where none does."""
    return next(iter(_REASONS), "")


def _lacks_device(error: Exception) -> bool:
    """Return whether an error tells of a device, or is raised for lack of one."""
    told = any(_COMPLAINT.search(message_of(each)) for each in (error, error.__cause__ or error))
    return told or _refuses_device(error)


def _refuses_device(error: Exception) -> bool:
    """Return whether an assertion about a device fails, or an error is raised below such an ``if``.

    A statement that only mentions a device, in its message or on its line, asks nothing, and
    opbench itself refuses none.
    """
    frames = list(walk_tb((error.__cause__ or error).__traceback__))
    if not frames:
        return False
    frame, line = frames[-1]
    if str(frame.f_globals.get("__name__")).startswith("opbench."):
        return False
    try:
        lines, first = getsourcelines(frame)
    except (OSError, SyntaxError, TokenError):  # of a file that has changed, too
        return False
    text = "".join(lines)
    if not _ASKS.search(text):
        return False
    start, ahead = (first, "if True:\n") if text[:1].isspace() else (max(first, 1), "")
    try:
        code = ast.parse(ahead + text)
    except SyntaxError:  # a cell of a notebook with commands of its own
        return False
    return any(_ASKS.search(each) for each in _conditions(code, line - start + 1 + bool(ahead)))


def _conditions(code: ast.Module, line: int) -> Iterator[str]:
    """Yield the conditions under which the ``raise`` or ``assert`` on a line raises."""
    there = (each for each in ast.walk(code) if isinstance(each, ast.stmt) and _is_on(each, line))
    raised = max(there, key=lambda each: (each.lineno, each.col_offset), default=None)
    if isinstance(raised, ast.Assert):
        yield ast.unparse(raised.test)
    elif isinstance(raised, ast.Raise):
        yield from map(ast.unparse, _asked_before(raised, code))


def _is_on(statement: ast.stmt, line: int) -> bool:
    return statement.lineno <= line <= (statement.end_lineno or 0)


def _asked_before(statement: ast.stmt, code: ast.Module) -> Iterator[ast.expr]:
    """Yield the test of the innermost ``if`` around a statement; all of a chain in its ``else``."""
    above = {each: node for node in ast.walk(code) for each in ast.iter_child_nodes(node)}
    below: ast.AST = statement
    while below in above and not isinstance(node := above[below], _FUNCTIONS):
        if isinstance(node, ast.If):
            yield node.test
            if below in node.body or not _is_else_if(node, above):
                return
        below = node


def _is_else_if(node: ast.If, above: dict[ast.AST, ast.AST]) -> bool:
    outer = above[node]
    return isinstance(outer, ast.If) and outer.orelse == [node]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@contextmanager
def _on_gpu(reason: str) -> Iterator[None]:
    """Let a GPU be there, and every tensor on it, for a reason."""
    with said_to_be_on(_GPU), ExitStack() as stack:
        _REASONS.append(reason)
        stack.callback(_REASONS.pop)
        for name, answer in (("is_available", True), ("device_count", 1)):
            stack.enter_context(mock.patch.object(torch.cuda, name, lambda answer=answer: answer))
        yield


@contextmanager
def _pretended() -> Iterator[None]:
    """Let devices that are not here be named meanwhile."""
    with ExitStack() as stack:
        for holder, names in _IDLE.items():
            for name in names.split():
                stack.enter_context(mock.patch.object(holder, name, _Idle))
        for name in dir(torch.cuda):
            if name.endswith("Tensor") and hasattr(torch, name):
                stack.enter_context(mock.patch.object(torch.cuda, name, getattr(torch, name)))
        for holder, name, answer in _ANSWERS:
            stack.enter_context(mock.patch.object(holder, name, lambda *_, answer=answer: answer))
        stack.enter_context(mock.patch.object(torch, "Generator", _Generator))
        stack.enter_context(_OnThisMachine())
        yield


class _Idle:
    """A stream, an event or a context that does nothing, and a function: calling it makes one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        return None

    def __call__(self, *args: Any, **kwargs: Any) -> _Idle:
        return self

    def __getattr__(self, name: str) -> _Idle:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __enter__(self) -> _Idle:
        return self

    def __exit__(self, *raised: object) -> None:
        return None


_CUDA: Any = torch.cuda
_ACCELERATOR: Any = torch.accelerator

_IDLE: dict[Any, str] = {
    _CUDA: """
    synchronize set_device device device_of stream set_stream Stream ExternalStream Event
    current_stream default_stream reset_peak_memory_stats init _lazy_init ipc_collect CUDAGraph
    """,
    _CUDA.nvtx: "range range_push range_pop mark range_start range_end",
    _ACCELERATOR: "synchronize current_stream set_stream device_index",
}
_MEMORY_BYTES = 80 * 2**30
_PROPERTIES = SimpleNamespace(
    name="NVIDIA H100 80GB HBM3",
    major=9,
    minor=0,
    total_memory=_MEMORY_BYTES,
    multi_processor_count=132,
    warp_size=32,
    max_threads_per_multi_processor=2048,
)
_ANSWERS: tuple[tuple[Any, str, Any], ...] = (
    (_CUDA, "current_device", 0),
    (_CUDA, "get_device_capability", (_PROPERTIES.major, _PROPERTIES.minor)),
    (_CUDA, "get_device_properties", _PROPERTIES),
    (_CUDA, "get_device_name", _PROPERTIES.name),
    (_CUDA, "mem_get_info", (_MEMORY_BYTES, _MEMORY_BYTES)),
    (Tensor, "record_stream", None),
    (_ACCELERATOR, "is_available", True),
    (_ACCELERATOR, "current_accelerator", torch.device("cpu")),
    (_ACCELERATOR, "current_device_index", 0),
)


class _Generator(torch.Generator):
    """A generator on this machine, whatever device is named."""

    def __new__(cls, device: Any = "cpu") -> Any:
        make: Any = super().__new__
        return make(cls, "cpu")


class _OnThisMachine(TorchFunctionMode):
    """Keeps tensors where they are, whatever device is named."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _STAYS:
            return args[0]
        # True where ``_on_gpu`` pretends one: a device of that number is then the GPU.
        if func is torch.device and torch.cuda.is_available():
            return func("cuda", args[0]) if _is_index(args[0]) else func(*args, **kwargs)
        if func is Tensor.type and len(args) > 1 and _is_type_of_absent(args[1]):
            return args[0].to(getattr(torch, args[1].rpartition(".")[2]).dtype)
        first = args[0] if args else None
        device = "meta" if isinstance(first, Tensor) and on_meta(first) else "cpu"
        if func is Tensor.to and len(args) > 1 and _is_index(args[1]):
            args = (first, device, *args[2:])
        elif func is torch.device and args and _is_index(first):
            args = (device,)
        if _is_index(kwargs.get("device")):
            kwargs = {**kwargs, "device": device}
        if kwargs.get("pin_memory"):
            kwargs = {**kwargs, "pin_memory": False}
        args = tuple(device if _is_absent(each) else each for each in args)
        kwargs = {name: device if _is_absent(each) else each for name, each in kwargs.items()}
        return func(*args, **kwargs)


_STAYS = frozenset({Tensor.cuda, Tensor.xpu, Tensor.pin_memory})


def _is_absent(value: Any) -> bool:
    if isinstance(value, torch.device):
        return value.type not in _HERE
    return isinstance(value, str) and _ABSENT.fullmatch(value) is not None


def _is_index(value: Any) -> bool:
    """Return whether a value names a device by its number."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_type_of_absent(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("torch.cuda.")
