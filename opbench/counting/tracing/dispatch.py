"""See the operators of a forward pass: the base of every mode that does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from opbench.counting.copies.original import watch
from opbench.counting.meta.disguise import note


class OperatorMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Passes each operator that runs inside ``with mode:`` to ``carry_out``."""

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Leave ``__torch_dispatch__`` as it is: torch would wrap it to keep its compiler out,
        and import the compiler for that, which takes longer than counting.  Compiled functions
        are already told to run as written."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if types and any(map(_takes_itself_apart, types)):
            return NotImplemented
        try:
            watch(args)
            return self.carry_out(func, args, kwargs or {})
        except Exception as error:
            note(error)
            raise

    def carry_out(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of one operator; a subclass says how."""
        raise NotImplementedError


def _takes_itself_apart(kind: type) -> bool:
    """Return whether a tensor subclass has a dispatch of its own, which shows its parts here."""
    return kind.__torch_dispatch__ is not Tensor.__torch_dispatch__  # type: ignore[attr-defined]
