"""Say how arguments do not fit the parameters of a network's ``forward``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from inspect import Parameter, Signature

from torch import nn

from opbench.counting.arguments import Arguments
from opbench.errors import either, near_matches

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_MOST_NAMES = 6


def misfit(network: nn.Module, arguments: Arguments) -> str:
    """Say which arguments ``forward`` does not take or lacks; "" where nothing tells."""
    signature = _signature(network)
    if signature is None:
        return ""
    try:
        signature.bind(*arguments.args, **arguments.kwargs)
    except TypeError:
        return f"{type(network).__name__}.forward {_reason(signature, arguments)}"
    return ""


def unnamed(network: nn.Module, arguments: Arguments) -> str:
    """Say which keyword argument ``forward`` does not name, though it may take any; else ""."""
    known = names_of(network)
    others = [name for name in arguments.kwargs if name not in known]
    if not known or not others:
        return ""
    return f"{type(network).__name__}.forward has no {others[0]!r}; {_hint(others[0], known)}"


def names_of(network: nn.Module) -> list[str]:
    """Return the names under which ``forward`` takes arguments; none where nothing tells."""
    signature = _signature(network)
    parameters = signature.parameters.values() if signature else ()
    return [each.name for each in parameters if each.kind in _BY_NAME]


def _signature(network: nn.Module) -> Signature | None:
    try:
        return inspect.signature(network.forward)
    except (TypeError, ValueError):  # compiled code shows no signature
        return None


def _reason(signature: Signature, arguments: Arguments) -> str:
    parameters = list(signature.parameters.values())
    places = [each.name for each in parameters if each.kind in _BY_POSITION]
    known = [each.name for each in parameters if each.kind in _BY_NAME]
    given = len(arguments.args)
    if unknown := [name for name in arguments.kwargs if name not in known]:
        return f"takes no argument {unknown[0]!r}; {_hint(unknown[0], known)}"
    if twice := [name for name in arguments.kwargs if name in places[:given]]:
        return f"gets two values for {twice[0]!r}, one by position and one by name"
    if given > len(places):
        return f"takes {_few(places)} by position, not {given} arguments"
    needed = [each.name for each in parameters if each.default is Parameter.empty]
    lacking = [each for each in needed if each not in (*places[:given], *arguments.kwargs)]
    return f"also needs {' and '.join(lacking)}"


def _hint(name: str, known: Sequence[str]) -> str:
    if near := near_matches(name, known):
        return f"did you mean {either(near)}?"
    return f"it takes {_few(known)}"


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_MOST_NAMES]) or 'none'}{', …' * (len(names) > _MOST_NAMES)}"
