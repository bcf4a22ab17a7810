"""Trace the operators of a forward pass and apply each one's rule.

Operators are seen below autograd and, in inference mode, before composite operators are taken
apart: ``linear`` and ``scaled_dot_product_attention`` arrive as one call each, the same on every
device, whatever kernel carries them out.  Each operator gets one treatment:

    RULE        ``opbench.counting.rules.products`` says what it costs, or a rule of the user's
    FREE        on the list of ``opbench.counting.rules.free``, or of a kind without products
    COMPOSITE   written in terms of other operators: taken apart, and those are judged
    UNKNOWN     none of these: it runs, and its name is noted
"""

from __future__ import annotations

import enum
import gc
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator

from opbench.counting.meta.shapes import Shortcut, result_of, shortcut_of
from opbench.counting.meta.values import run
from opbench.counting.rules.free import ACTIVATIONS, FREE
from opbench.counting.rules.kinds import is_by_torch, is_free_by_kind, operator_name
from opbench.counting.rules.nested import padded_shape
from opbench.counting.rules.operator_rule import AtMost, NoRuleError, OperatorRule, first
from opbench.counting.rules.origins import Origins, Type
from opbench.counting.rules.parts import parts_of, take_apart
from opbench.counting.rules.precision import Types
from opbench.counting.rules.products import RULES
from opbench.counting.rules.registered import in_order, rule_for
from opbench.counting.tracing.dispatch import OperatorMode
from opbench.counting.tracing.lifetimes import Lifetimes
from opbench.counting.tracing.scopes import Scopes
from opbench.counting.tracing.training import refuse_body
from opbench.counting.tracing.unseen import Unseen
from opbench.errors import RuleError

Shape = tuple[int, ...]
# Module, operator, operands, result, types of the operands.
Call = tuple[str, str, tuple[Shape, ...], Shape, Types]


class Treatment(enum.Enum):
    """The treatment of an operator that has no rule."""

    FREE = enum.auto()
    COMPOSITE = enum.auto()
    UNKNOWN = enum.auto()


Known = tuple[OperatorRule | Treatment, Shortcut | None, str]


class Tracer(OperatorMode):  # type: ignore[no-untyped-call]
    """Counts what runs inside ``with tracer:``.

    ``calls``, ``macs`` and ``activations`` are keyed by module, operator and shapes; ``functions``,
    the calls of activation functions, by module and operator; ``in_full``, the operators of
    which less may run than is counted.  ``trains``: a backward pass follows.
    """

    def __init__(self, scopes: Scopes, lifetimes: Lifetimes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scopes = scopes
        self.lifetimes = lifetimes
        self.calls: defaultdict[Call, int] = defaultdict(int)
        self.macs: defaultdict[Call, int] = defaultdict(int)
        self.activations: defaultdict[Call, int] = defaultdict(int)
        self.functions: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.trains = False
        self.uncounted: set[str] = set()
        self.in_full: set[str] = set()
        self.refused: RuleError | None = None
        self.origins: Origins | None = None
        self.unseen: Unseen | None = None
        self._known: dict[Any, Known] = {}
        self._imported = len(sys.modules)
        self._lock = threading.Lock()

    def carry_out(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operator and count it; a composite one is taken apart first."""
        treatment, shortcut, function = self._known.get(func) or self._learn(func)
        if treatment is Treatment.COMPOSITE:
            if self.trains and isinstance(func, HigherOrderOperator):
                refuse_body(func)
            return take_apart(self, func, args, kwargs)
        if self.unseen is not None:
            self.unseen.look(args)
        out = result_of(shortcut, args, kwargs) if shortcut is not None else None
        if out is None:
            out = self.result(func, args, kwargs)
        if len(sys.modules) != self._imported:
            self._forget_import()
        if self.origins is not None and treatment is Treatment.FREE:
            self.origins.saw(operator_name(func), args, out)
        if function or treatment is not Treatment.FREE:
            with self._lock:  # other threads may be traced, too
                if function:
                    self.functions[self.scopes.current, function] += 1
                if treatment is not Treatment.FREE:
                    self._tally(func, treatment, in_order(func, args, kwargs), out)
        self.lifetimes.saw(out)
        return out

    def _learn(self, func: Any) -> Known:
        """Look an operator up, once in a pass; what is registered for it is asked each time."""
        if func not in _KNOWN:
            name = operator_name(func)
            function = name if name in ACTIVATIONS else ""
            _KNOWN[func] = (treatment_of(func), shortcut_of(func), function)
        known = _KNOWN[func]
        if known[0] is Treatment.UNKNOWN or not is_by_torch(func):
            try:
                known = (rule_for(func) or known[0], *known[1:])
            except RuleError as error:
                self._refuse(error)
        self._known[func] = known
        return known

    def _refuse(self, error: RuleError) -> None:
        """Keep the first error of a user's rule, which the network must not catch."""
        self.refused = self.refused or error

    def result(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator that has no shortcut."""
        return run(func, args, kwargs)

    def _forget_import(self) -> None:
        """Collect garbage: the first call of some operators imports half of torch, whose handled
        exceptions keep our frames, and with them dead tensors, alive."""
        self._imported = len(sys.modules)
        gc.collect(1)

    def _tally(
        self, func: Any, treatment: OperatorRule | Treatment, args: Sequence[Any], out: Any
    ) -> None:
        name = operator_name(func)
        try:
            macs = treatment.macs(args, out) if isinstance(treatment, OperatorRule) else None
        except NoRuleError:
            macs = None
        except RuleError as error:
            self._refuse(error)
            macs = None
        positions = treatment.operands if isinstance(treatment, OperatorRule) else range(len(args))
        factors = _operands(args, positions)
        types = tuple(map(self._type_of, factors))
        shapes = tuple(map(padded_shape, factors))
        key = (self.scopes.current, name, shapes, _shape(out), types)
        self.calls[key] += 1
        if macs is None:
            self.uncounted.add(name)
        else:
            self.macs[key] += macs
            if isinstance(macs, AtMost):
                self.in_full.add(name)
            if isinstance(treatment, OperatorRule) and self.is_layer(treatment, args):
                self.activations[key] += first(out).numel()

    def _type_of(self, factor: Tensor) -> Type:
        return factor.dtype if self.origins is None else self.origins.type_of(factor)

    def is_layer(self, rule: OperatorRule, args: Sequence[Any]) -> bool:
        """Return whether the result is an activation."""
        return rule.layer


_KNOWN: dict[Any, Known] = {}  # without what users registered


def treatment_of(func: Any) -> OperatorRule | Treatment:
    """Return the treatment of an operator; in-place forms are treated like the plain ones."""
    name = operator_name(func)
    if name in RULES:
        return RULES[name]
    if name in FREE or (isinstance(func, torch._ops.OpOverload) and is_free_by_kind(func)):
        return Treatment.FREE
    return Treatment.UNKNOWN if parts_of(func) is None else Treatment.COMPOSITE


def _operands(args: Sequence[Any], positions: Sequence[int]) -> list[Tensor]:
    """Return the factors; of a list of weights, only the matrices."""
    factors: list[Tensor] = []
    for position in positions:
        value = args[position] if position < len(args) else None
        if isinstance(value, Tensor):
            factors.append(value)
        elif isinstance(value, (list, tuple)):
            factors += [each for each in value if isinstance(each, Tensor) and each.dim() == 2]
    return factors


def _shape(out: Any) -> Shape:
    if isinstance(out, (tuple, list)) and out:
        out = out[0]
    return padded_shape(out) if isinstance(out, Tensor) else ()
