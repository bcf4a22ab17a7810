"""Record the operators of a forward pass, and those that a composite one is carried out with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from opbench.conventions.trace import OperatorCall
from opbench.counting.meta.values import run
from opbench.counting.rules.kinds import is_by_torch, operator_name
from opbench.counting.rules.parts import is_implicit, take_apart
from opbench.counting.rules.registered import in_order, rule_for
from opbench.counting.tracing.dispatch import OperatorMode
from opbench.counting.tracing.tracer import Treatment, treatment_of


class Recorder(OperatorMode):  # type: ignore[no-untyped-call]
    """Appends to ``calls`` what runs inside ``with recorder:``."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[OperatorCall] = []

    def carry_out(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operator and record it."""
        before, outer = _snapshots(args), self.calls
        parts: list[OperatorCall] = []
        self.calls = parts
        try:
            out = self._run(func, args, kwargs)
        finally:
            self.calls = outer
        registered = None if is_by_torch(func) else rule_for(func)
        outer.append(
            OperatorCall(
                name=operator_name(func),
                args=in_order(func, before, kwargs) if registered else before,
                out=_snapshots(out),
                parts=tuple(parts),
                in_place=_is_in_place(func),
                registered=registered,
            )
        )
        return out

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Take composite operators apart, whether or not there is a rule for the whole."""
        if not _is_composite(func):
            return run(func, args, kwargs)
        return take_apart(self, func, args, kwargs)


def _is_composite(func: Any) -> bool:
    return is_implicit(func) or treatment_of(func) is Treatment.COMPOSITE


def _is_in_place(func: Any) -> bool:
    name = func._schema.name if isinstance(func, torch._ops.OpOverload) else ""
    return name.endswith("_") and not name.endswith("__")


def _snapshots(value: Any) -> Any:
    if isinstance(value, Tensor):
        return _snapshot(value)
    if isinstance(value, (tuple, list)):
        inside = [_snapshots(each) for each in value]
        return type(value)(*inside) if hasattr(value, "_fields") else type(value)(inside)
    return value


def _snapshot(tensor: Tensor) -> Tensor:
    """Copy the shape, which may be changed in place later."""
    if tensor.layout is not torch.strided or tensor.is_nested:
        return tensor
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor.detach()
    return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
