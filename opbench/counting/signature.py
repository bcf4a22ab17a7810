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
    try:
        signature = inspect.signature(network.forward)
    except (TypeError, ValueError):  # compiled code shows no signature
        return ""
    try:
        signature.bind(*arguments.args, **arguments.kwargs)
    except TypeError:
        return f"{type(network).__name__}.forward {_reason(signature, arguments)}"
    return ""


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
