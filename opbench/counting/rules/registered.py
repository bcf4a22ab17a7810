"""Rules that users and packages register for operators of their own.

    from opbench.counting import rule

    @rule("mylib::gemm")
    def gemm(x, weight, out):
        return out.numel() * x.shape[-1]

A rule returns the multiply-accumulates of one call.  Its parameters are arguments of the operator,
by the names in the operator's schema, and ``out``, its result; tensors have shapes and may have no
values.  ``NotImplementedError`` says that a call is not covered: the operator is then named, as if
it had no rule.

A rule is taken from the settings of the project first, then from ``rule``, then from the packages
that name a module in the entry-point group ``opbench.rules`` under the namespace of the operator;
that module is imported when such an operator is met.
"""

from __future__ import annotations

import functools
import inspect
import operator as operators
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch._ops import OpOverload

from opbench.counting.rules.kinds import operator_name
from opbench.counting.rules.operator_rule import Arguments, NoRuleError, OperatorRule
from opbench.counting.rules.products import RULES
from opbench.errors import BadValueError, RuleError, describe

ENTRY_POINT_GROUP = "opbench.rules"

Function = TypeVar("Function", bound=Callable[..., Any])
Finder = Callable[[str], "Registered | None"]

_NAME = re.compile(r"[A-Za-z_]\w*::\w+", re.ASCII)
_BY_POSITION = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY)
_ALL_TENSORS = tuple(range(16))  # positions that are shown, where they hold tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A user's function as the rule of ``operator``."""

    operator: str
    function: Callable[..., int]
    layer: bool = False

    def __str__(self) -> str:
        code = getattr(self.function, "__code__", None)
        name = getattr(self.function, "__qualname__", repr(self.function))
        where = f"{Path(code.co_filename).name}:{code.co_firstlineno}, " if code else ""
        return f"the counting rule of {self.operator} ({where}{name})"

    def for_operator(self, func: OpOverload) -> OperatorRule:
        """Return the rule for one overload.  Raises ``RuleError`` for unknown parameters."""
        wanted = self._parameters(func._schema)
        macs = functools.partial(self._macs, func._schema, wanted)
        return OperatorRule("matrix product", macs, operands=_ALL_TENSORS, layer=self.layer)

    def _parameters(self, schema: torch.FunctionSchema) -> tuple[str, ...]:
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError) as error:
            raise RuleError(f"{self} must be a function with named parameters") from error
        known = {"out", *(each.name for each in schema.arguments)}
        for each in parameters:
            if each.kind in _BY_POSITION:
                raise RuleError(f"{self} takes {each}: name the arguments of {schema}, or out")
            if each.name not in known and each.default is each.empty and _is_named(each):
                raise RuleError(
                    f"{self} takes {each.name!r}, which is no argument of {schema}: name some of "
                    "those, or out, the result"
                )
        every = any(not _is_named(each) for each in parameters)
        return tuple(known if every else (e.name for e in parameters if e.name in known))

    def _macs(
        self, schema: torch.FunctionSchema, wanted: tuple[str, ...], args: Arguments, out: Any
    ) -> int:
        values = {each.name: each.default_value for each in schema.arguments}
        values |= dict(zip(values, args, strict=False))
        values["out"] = out
        try:
            returned = self.function(**{name: values[name] for name in wanted})
        except NotImplementedError as error:
            raise NoRuleError(describe(error)) from None
        except Exception as error:
            raise RuleError(f"{self} fails: {describe(error)}") from error
        return self._checked(returned)

    def _checked(self, returned: Any) -> int:
        """Return the integer that a rule returned, whatever library it is of."""
        try:
            macs = -1 if isinstance(returned, bool) else operators.index(returned)
        except TypeError:
            macs = -1
        if macs < 0:
            shown = repr(returned)[:80]
            raise RuleError(f"{self} must return a whole number, 0 or more, not {shown}")
        return macs


def _is_named(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not inspect.Parameter.VAR_KEYWORD


_DECORATED: dict[str, Registered] = {}
_FINDERS: list[Finder] = []


def rule(operator: str, *, layer: bool = False) -> Callable[[Function], Function]:
    """Register the decorated function as the counting rule of ``operator``, "namespace::name".

    ``layer`` says that the operator is a convolution or linear layer, whose result is an
    activation.  Raises ``BadValueError`` for an operator that has a rule already.
    """
    require_operator(operator)

    def register(function: Function) -> Function:
        made = Registered(operator=operator, function=function, layer=layer)
        before = _DECORATED.get(operator)
        if before is not None and str(before) != str(made):
            raise BadValueError(f"{made} is the second: remove {before}")
        _DECORATED[operator] = made
        return function

    return register


def require_operator(operator: str) -> None:
    """Raise ``BadValueError`` unless users may give this operator a rule."""
    if not isinstance(operator, str) or not _NAME.fullmatch(operator):
        raise BadValueError(
            f'an operator is named as in "mylib::gemm", its namespace first, not {operator!r}'
        )
    if operator.removeprefix("aten::") in RULES:
        raise BadValueError(f"{operator} has a rule of opbench, which cannot be replaced")


@contextmanager
def rules_from(finder: Finder) -> Iterator[None]:
    """Ask ``finder`` first for the rule of an operator meanwhile."""
    _FINDERS.append(finder)
    try:
        yield
    finally:
        _FINDERS.remove(finder)


def rule_for(func: Any) -> OperatorRule | None:
    """Return the registered rule of an operator, None if there is none.

    Raises ``RuleError`` for a rule that cannot be loaded.
    """
    if not isinstance(func, OpOverload):
        return None
    found = find(operator_name(func))
    return None if found is None else found.for_operator(func)


def find(name: str) -> Registered | None:
    """Return what is registered for the operator of this name, as ``rules`` writes it."""
    qualified = name if "::" in name else f"aten::{name}"
    for finder in _FINDERS:
        if found := finder(qualified):
            return found
    if qualified not in _DECORATED:
        _import_package(qualified.partition("::")[0])
    return _DECORATED.get(qualified)


@functools.cache
def _import_package(namespace: str) -> None:
    """Import the modules that installed packages name for a namespace; they use ``rule``."""
    for point in entry_points(group=ENTRY_POINT_GROUP, name=namespace):
        try:
            point.load()
        except Exception as error:
            raise RuleError(
                f"the counting rules of entry point {point.name} = {point.value} cannot be "
                f"loaded: {describe(error)}: fix or uninstall that package"
            ) from error


def in_order(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return all arguments in the order of the operator's schema, those by keyword too."""
    if not kwargs or not isinstance(func, OpOverload):
        return args
    rest = func._schema.arguments[len(args) :]
    return (*args, *(kwargs.get(each.name, each.default_value) for each in rest))
