"""Say what is wrong with a TARGET and what was probably meant, without running anybody's code.

Every function returns the error to raise.  What a file holds is read from its source.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from inspect import Parameter, signature
from itertools import count
from pathlib import Path
from types import ModuleType

from opbench.errors import (
    BadFileError,
    BadValueError,
    GoneTargetError,
    OpbenchError,
    TargetError,
    either,
    near_matches,
)
from opbench.registry.counts_csv import unknown
from opbench.registry.definitions import definitions

FORMS = (
    "NAME, torchvision:NAME, timm:NAME, package.module:ATTR, path/file.py:ATTR or path/model.onnx"
)
PROVIDERS = ("torchvision", "timm")
_MOST_NAMES = 6


def not_registered(pattern: str, names: Sequence[str]) -> OpbenchError:
    """Return the error for a target without a colon that is no name of the registry."""
    path = Path(pattern)
    if not path.name:
        return malformed(pattern)
    if path.suffix == ".py":
        return _without_attribute(path) if path.is_file() else missing_file(path)
    if path.is_file():
        return BadFileError(f"{pattern} is not a Python file: a network is named {FORMS}")
    if path.with_suffix(".py").is_file() and not path.suffix:
        return _without_attribute(path.with_suffix(".py"))
    head, dot, attribute = pattern.replace("/", ".").rpartition(".")
    if dot and head in PROVIDERS:
        return BadValueError(f"no network is called {pattern!r}; did you mean {head}:{attribute}?")
    if dot and _is_importable(head.partition(".")[0]):
        return BadValueError(f"no network is called {pattern!r}; did you mean {head}:{attribute}?")
    error = unknown(pattern, names)
    if pattern.isidentifier() and pattern != pattern.lower():
        error.args = (f"{error} (a class of yours is named with its file: net.py:{pattern})",)
    return error


def malformed(pattern: str) -> OpbenchError:
    """Return the error for a target that is empty, or so on one side of its colon."""
    if "::" in pattern:
        return BadValueError(
            f"the target {pattern!r} has two colons; did you mean {pattern.replace('::', ':')}?"
        )
    return BadValueError(f"the target {pattern!r} is not {FORMS}")


def missing_file(path: Path, attribute: str = "") -> OpbenchError:
    """Return the error for a file that does not exist."""
    folder = path.parent
    if not folder.is_dir():
        return BadFileError(f"there is no file {path}: the folder {folder} does not exist")
    files = {each.name: each for each in sorted(folder.glob(f"*{path.suffix}"))}
    rest = f":{attribute}" if attribute else ""
    near = [f"{files[name]}{rest}" for name in near_matches(path.name, files)]
    hint = f"; did you mean {either(near)}?" if near else ": check the path"
    return BadFileError(f"there is no file {path}{hint}")


def missing_module(name: str, target: str) -> OpbenchError:
    """Return the error for a module that cannot be found."""
    head, _, attribute = target.rpartition(":")
    file = Path(f"{head}.py")
    near = [f"{file}:{attribute}"] if file.is_file() else []
    near += [f"{each}:{attribute}" for each in near_matches(head, PROVIDERS)]
    if not near and (dotted := Path(f"{head.replace('.', '/')}.py")).is_file():
        near = [f"{dotted}:{attribute}"]
    hint = f"did you mean {either(near)}?" if near else "check the spelling, or install it"
    return GoneTargetError(f"there is no module {name} for the target {target!r}; {hint}")


def missing_attribute(holder: object, name: str, target: str) -> OpbenchError:
    """Return the error for an attribute that a module or class does not have."""
    head = target.rpartition(":")[0]
    if "(" in name:
        return TargetError(
            f"the target {target!r} is not called with arguments: "
            f"{_wrapper(name, head, dir(holder))}"
        )
    known = [each for each in vars(holder) if not each.startswith("_")]
    if near := near_matches(name, known, likeness=0.7):
        hint = f"did you mean {either(near)}?"
    elif own := list(_networks_of(holder)):
        hint = f"it has {_few(own)}"
    else:
        hint = "check the spelling"
    return GoneTargetError(f"{head} has no {name!r}; {hint}")


def needs_arguments(found: Callable[..., object], target: str) -> OpbenchError:
    """Return the error for a class or function that cannot be called without arguments."""
    head, _, attribute = target.rpartition(":")
    needed = [each.name for each in signature(found).parameters.values() if _is_required(each)]
    call = _call(getattr(found, "__name__", attribute), needed)
    home = sys.modules.get(getattr(found, "__module__", None) or "")
    return TargetError(
        f"{target} needs arguments ({', '.join(needed)}): {_wrapper(call, head, dir(home))}"
    )


def _is_required(parameter: Parameter) -> bool:
    several = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return parameter.default is Parameter.empty and parameter.kind not in several


def _wrapper(call: str, head: str, taken: Collection[str]) -> str:
    """Advise to write a function, whose name the file does not have yet."""
    name = next(each for each in _free_names() if each not in taken)
    return (
        f"write a function that passes them, such as `def {name}(): return {call}`, "
        f"and name {head}:{name}"
    )


def _free_names() -> Iterator[str]:
    yield from ("net", "my_net")
    yield from (f"net{number}" for number in count(2))


def not_a_network(found: object, target: str) -> OpbenchError:
    """Return the error for something that is neither a module nor returns one."""
    python = isinstance(found, ModuleType)
    kind = "a Python module" if python else f"of type {type(found).__name__}"
    return TargetError(
        f"{target} is {kind}: name an nn.Module, or a callable without arguments that returns one"
    )


def _without_attribute(path: Path) -> OpbenchError:
    found = definitions(path)
    ready = [name for name, needed in found.items() if not needed]
    if found and not ready:
        name, needed = next(iter(found.items()))
        advice = _wrapper(_call(name, needed), str(path), found)
        return BadValueError(f"{path} is a file whose networks need arguments: {advice}")
    example = f"{path}:{ready[0] if ready else 'ATTR'}"
    others = f" ({path.name} has {_few([*found])})" if len(found) > 1 else ""
    return BadValueError(f"{path} is a file: name the network in it, such as {example}{others}")


def _call(name: str, arguments: Sequence[str]) -> str:
    return f"{name}({', '.join(f'{each}=…' for each in arguments)})"


def _networks_of(holder: object) -> Iterator[str]:
    """Yield the public names of a module or class that were defined there, or hold a network."""
    home = getattr(holder, "__name__", None)
    for name, value in vars(holder).items():
        own = getattr(value, "__module__", None) == home and callable(value)
        if not name.startswith("_") and (own or hasattr(value, "named_modules")):
            yield name


def _few(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def _is_importable(name: str) -> bool:
    """Return whether there is a package ``name``, or one in the current folder; imports nothing."""
    if Path(f"{name}.py").is_file() or Path(name).is_dir():
        return True
    with suppress(ImportError, ValueError):
        return name.isidentifier() and find_spec(name) is not None
    return False
