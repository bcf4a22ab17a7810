"""Settings of a project: ``[tool.opbench]`` of the nearest ``pyproject.toml`` that has one.

    [tool.opbench]
    lock = "opbench.lock.json"             # relative to the file it stands in
    results = "results"                    # where measurements lie, relative to it as well

    [tool.opbench.rules]                   # counting rules of your own operators
    "mylib::gemm" = "counting/rules.py:gemm"      # or "package.module:function"

    [tool.opbench.check]
    targets = ["models/net.py:build"]      # what belongs to the lock
    lighter = "fail"                       # or "pass": totals may shrink
    strict = false                         # other modules fail, too, where all totals are equal
    metrics = ["params", "macs"]           # which totals are compared
    allow_uncounted = ["mylib::*"]         # operators without a rule that are accepted
    max_increase = "1%"                    # or 1000, or a table from glob to either, or to both:
    max_increase = { "models/*" = "1%", "resnet*" = { params = 0, macs = 1000 } }
    input_sizes = { "models/*" = ["3x224x224", "3x288x288"] }    # each of them is locked

    [tool.opbench.compare]
    threshold = "3%, 50us"                 # the larger of the two does not matter (ns, us, ms, s);
                                           # or a table from glob to it, the last match counts
    strict = false                         # AMBIGUOUS fails as well

A flag wins over the environment (``OPBENCH_RESULTS``, ``OPBENCH_CHECK_STRICT``, ...: section and
key in capitals, lists with commas), which wins over the file.  Unknown keys and values of the wrong
type are refused: a rule that nobody reads would silently not hold.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import Any

from opbench.errors import BadFileError, BadValueError, UnknownNameError, remedy
from opbench.record import EXACT, TOTALS
from opbench.spec import Shape

LOCK = "opbench.lock.json"
RESULTS = "results"
FILE = "pyproject.toml"
_TOOL = ("tool", "opbench")

_TIME_UNITS = {"%": 1e-2, "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
# As many digits as a number needs that is meant: Fraction("1e99999999") would fill the memory.
_NUMBER = r"(\d{1,15}(?:\.\d{1,15})?)"
_TIME_AMOUNT = re.compile(rf"{_NUMBER}\s*(%|ns|us|µs|ms|s)", re.ASCII)
_PERCENTAGE = re.compile(rf"{_NUMBER}\s*%", re.ASCII)
_OPERATOR = re.compile(r"[A-Za-z_]\w*::\w+", re.ASCII)
_PLACE = re.compile(r"[^\0]+:[^\W\d]\w*")
_LARGEST, _SHOWN = 2**63 - 1, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The growth of ``metric`` ("*": of any) that is allowed to targets that ``glob`` matches.

    ``amount`` is in the metric's own unit, or in percent of the locked value.
    """

    glob: str = "*"
    metric: str = "*"
    amount: Fraction
    percent: bool

    def allows(self, locked: int, now: int) -> bool:
        """Return whether ``now`` is within the allowance above ``locked``; exact, no rounding."""
        limit = locked * self.amount / 100 if self.percent else self.amount
        return now - locked <= limit

    def __str__(self) -> str:
        amount = float(self.amount)
        return f"{amount:g}%" if self.percent else f"{amount:,.0f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A difference between two times that does not matter, for the targets that ``glob`` matches.

    ``relative`` is a fraction of the time, ``seconds`` an absolute difference; the larger counts.
    """

    glob: str = "*"
    relative: float = 0.02
    seconds: float = 10e-6

    def of(self, time_s: float) -> float:
        """Return the fraction of ``time_s`` that does not matter."""
        return max(self.relative, self.seconds / time_s)

    def __str__(self) -> str:
        parts = [f"{self.relative:.2%}" if self.relative else "", f"{self.seconds * 1e6:g} us"]
        return " or ".join(part for part in parts if part and part != "0 us") or "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """The input sizes of the targets that ``glob`` matches."""

    glob: str = "*"
    sizes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """Settings of ``opbench check``: ``[tool.opbench.check]``."""

    targets: tuple[str, ...] = ()
    lighter: str = "fail"
    strict: bool = False
    metrics: tuple[str, ...] = EXACT
    allow_uncounted: tuple[str, ...] = ()
    max_increase: tuple[Allowance, ...] = ()
    input_sizes: tuple[SizeRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareSettings:
    """Settings of ``opbench compare``: ``[tool.opbench.compare]``."""

    threshold: tuple[Threshold, ...] = ()
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it.  ``root`` is the folder that targets are relative to; ``lock`` and ``results``
    are absolute, and without a word on ``results`` they lie where one stands."""

    root: Path
    lock: Path
    results: Path
    rules: tuple[tuple[str, str], ...] = ()
    check: CheckSettings = field(default_factory=CheckSettings)
    compare: CompareSettings = field(default_factory=CompareSettings)


def load_settings(folder: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings that apply in ``folder``.

    Raises ``BadFileError`` with file and key, ``BadValueError`` with the environment variable.
    """
    folder = folder.resolve()
    file, table = _nearest(folder)
    root = file.parent if file else folder
    values = dict(_from_file(table, file)) if file else {}
    values |= {key: root / values[key] for key in _PATHS & set(values)}
    said = dict(_from_environment(environment))
    values |= said | {key: folder / said[key] for key in _PATHS & set(said)}
    return Settings(
        root=root,
        lock=values.get("lock", root / LOCK),
        results=values.get("results", folder / RESULTS),
        rules=values.get("rules", ()),
        check=CheckSettings(**_section(values, "check")),
        compare=CompareSettings(**_section(values, "compare")),
    )


def _section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    start = f"{section}."
    return {key.removeprefix(start): values[key] for key in values if key.startswith(start)}


def _nearest(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    for parent in (folder, *folder.parents):
        file = parent / FILE
        if file.is_file():
            tool = _toml(file).get("tool", {})
            if not isinstance(tool, dict):
                raise BadFileError(f"{file}: tool must be a table, not {_shown(tool)}")
            table = tool.get("opbench")
            if isinstance(table, dict):
                return file, table
            if table is not None:
                raise BadFileError(f"{file}: [tool] opbench must be a table, not {_shown(table)}")
    return None, {}


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise BadFileError(f"{file} is nested too deep to be read") from None
    # Also what TOML allows and Python refuses, such as a number of 5,000 digits.
    except ValueError as error:
        raise BadFileError(f"{file} is not valid TOML: {error}") from None
    except OSError as error:
        raise BadFileError(f"{file} cannot be read: {error.strerror}{remedy(error)}") from None


def _shown(value: Any) -> str:
    """Return a value as Python writes it, shortened."""
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return f"a {type(value).__name__} too large to print"
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"


def _from_file(table: Any, file: Path) -> Iterator[tuple[str, Any]]:
    for key, value, section in _flat(table):
        place = f"{file}: [{section}]"
        name = key.rpartition(".")[2]
        if key not in _KEYS:
            raise BadFileError(f"{place}: {_unknown(key, name)}")
        try:
            yield key, _KEYS[key].check(value)
        except ValueError as error:
            raise BadFileError(f"{place} {name} {error}, not {_shown(value)}") from None


def _unknown(key: str, name: str) -> str:
    """Say that nothing is set by ``name``, and which section it belongs to or what was meant."""
    known = [each.rpartition(".") for each in _KEYS]
    if elsewhere := [section for section, _, each in known if each == name]:
        sections = " or ".join(f"[{'.'.join(filter(None, (*_TOOL, e)))}]" for e in elsewhere)
        return f"{name!r} belongs to {sections}"
    here = [each for section, _, each in known if section == key.rpartition(".")[0]]
    return str(UnknownNameError("key", name, here, see=f"choose from {', '.join(here)}"))


def _flat(table: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield every key with its section in front ("check.strict"), its value, and the section."""
    for key, value in table.items():
        if key in _SECTIONS and isinstance(value, dict):
            for inner, each in value.items():
                yield f"{key}.{inner}", each, ".".join((*_TOOL, key))
        else:
            yield key, value, ".".join(_TOOL)


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    variables = {"OPBENCH_" + key.replace(".", "_").upper(): key for key in _KEYS}
    for variable, text in environment.items():
        if variable.startswith("OPBENCH_") and variable not in variables:
            raise UnknownNameError("environment variable", variable, variables)
        if variable in variables and text:
            key = variables[variable]
            try:
                yield key, _KEYS[key].check(_KEYS[key].from_text(text))
            except ValueError as error:
                raise BadValueError(f"{variable} {error}, not {_shown(text)}") from None


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of setting: how a value is checked and how the environment's text is read.

    ``check`` raises ``ValueError`` with what the value must be ("must be true or false").
    """

    check: Callable[[Any], Any]
    from_text: Callable[[str], Any] = str


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be a non-empty string")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(e, str) and e for e in value):
        raise ValueError("must be a list of non-empty strings")
    return tuple(value)


def _metrics(value: Any) -> tuple[str, ...]:
    chosen = _texts(value)
    if not chosen or not set(chosen) <= set(TOTALS):
        raise ValueError(f"must be a list of some of {', '.join(TOTALS)}")
    return chosen


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _lighter(value: Any) -> str:
    if value not in ("pass", "fail"):
        raise ValueError('must be "pass" or "fail"')
    return str(value)


def _size_rules(value: Any) -> tuple[SizeRule, ...]:
    """Read sizes for all targets, or a table from glob to sizes."""
    rules = value.items() if isinstance(value, dict) else [("*", value)]
    return tuple(SizeRule(glob=glob, sizes=_sizes(sizes)) for glob, sizes in rules)


def _sizes(value: Any) -> tuple[Shape, ...]:
    texts = [value] if isinstance(value, str) else value
    problem = ValueError('must be sizes such as "3x224x224", or lists of them')
    if not isinstance(texts, list) or not all(isinstance(each, str) and each for each in texts):
        raise problem
    try:
        return tuple(dict.fromkeys(map(Shape.parse, texts)))
    except ValueError:
        raise problem from None


def _rules(value: Any) -> tuple[tuple[str, str], ...]:
    """Read a table from operators to the functions that count them."""
    rules = tuple(value.items()) if isinstance(value, dict) else (("", ""),)
    if not all(_OPERATOR.fullmatch(name) and _PLACE.fullmatch(str(at)) for name, at in rules):
        raise ValueError('must be a table such as { "mylib::gemm" = "rules.py:gemm" }')
    return rules


def _allowances(value: Any) -> tuple[Allowance, ...]:
    return tuple(_each_allowance(value))


def _each_allowance(value: Any) -> Iterator[Allowance]:
    """Read one allowance for all, or a table by glob, or by glob and metric."""
    for glob, inner in value.items() if isinstance(value, dict) else [("*", value)]:
        for metric, amount in inner.items() if isinstance(inner, dict) else [("*", inner)]:
            if metric not in ("*", *TOTALS):
                raise ValueError(f"of {glob!r} must name some of {', '.join(TOTALS)}")
            number, percent = _amount(amount)
            yield Allowance(glob=glob, metric=metric, amount=number, percent=percent)


def _amount(value: Any) -> tuple[Fraction, bool]:
    """Read 1000, "1000" or "1%" as a number, and whether it is a percentage."""
    text = value.strip() if isinstance(value, str) else ""
    if percentage := _PERCENTAGE.fullmatch(text):
        return Fraction(percentage[1]), True
    whole = int(text) if re.fullmatch(r"\d{1,19}", text, re.ASCII) else value
    if isinstance(whole, int) and not isinstance(whole, bool) and 0 <= whole <= _LARGEST:
        return Fraction(whole), False
    raise ValueError('must be whole numbers such as 1000 or percentages such as "1%"')


def threshold_for(name: str, thresholds: Iterable[Threshold]) -> Threshold:
    """Return the last of ``thresholds`` whose glob matches; the default where none does."""
    matching = [each for each in thresholds if fnmatchcase(name, each.glob)]
    return matching[-1] if matching else Threshold()


def parse_thresholds(value: Any) -> tuple[Threshold, ...]:
    """Read a text, or a table from glob to text.  Raises ``ValueError`` with what it must be."""
    return tuple(_each_threshold(value))


def _each_threshold(value: Any) -> Iterator[Threshold]:
    for glob, text in value.items() if isinstance(value, dict) else [("*", value)]:
        stated = list(_time_amounts(text))
        amounts = dict(stated)
        if len(amounts) < len(stated):
            raise ValueError("must be one percentage, one time, or one of each")
        yield Threshold(
            glob=glob, relative=amounts.get("%", 0.0), seconds=amounts.get("seconds", 0.0)
        )


def _time_amounts(text: Any) -> Iterator[tuple[str, float]]:
    for part in text.split(",") if isinstance(text, str) else [""]:
        found = _TIME_AMOUNT.fullmatch(part.strip())
        if not found:
            raise ValueError('must look like "3%", "50us" or "3%, 50us"')
        number, unit = found.groups()
        yield ("%" if unit == "%" else "seconds"), float(number) * _TIME_UNITS[unit]


def _flag_from_text(text: str) -> Any:
    return {"1": True, "true": True, "0": False, "false": False}.get(text.lower(), text)


def _list_from_text(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


_SECTIONS = frozenset({"check", "compare"})
_PATHS = frozenset({"lock", "results"})
_KEYS: dict[str, _Kind] = {
    "lock": _Kind(_text),
    "results": _Kind(_text),
    "rules": _Kind(_rules),
    "check.targets": _Kind(_texts, _list_from_text),
    "check.lighter": _Kind(_lighter),
    "check.strict": _Kind(_flag, _flag_from_text),
    "check.metrics": _Kind(_metrics, _list_from_text),
    "check.allow_uncounted": _Kind(_texts, _list_from_text),
    "check.max_increase": _Kind(_allowances),
    "check.input_sizes": _Kind(_size_rules, _list_from_text),
    "compare.threshold": _Kind(parse_thresholds),
    "compare.strict": _Kind(_flag, _flag_from_text),
}
