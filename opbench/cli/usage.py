"""Say in one sentence why a command line cannot be parsed."""

from __future__ import annotations

import re
from typing import Any

from opbench.errors import CHANGE_PERMISSIONS, either, near_matches

# By the names of pydantic, with which typer reads values.
_MUST_BE = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
# Options of other tools, and what does the same here; the first that the command has is named.
_NAMES = "name TARGETs, or globs such as 'resnet*'"
_TO_FILE = ("--output FILE", "--format csv > FILE")
_ROUNDS = ("--rounds", "--max-seconds")
_ELSEWHERE = {
    "--amp": ("--dtype bfloat16",),
    "--bf16": ("--dtype bfloat16",),
    "--fp16": ("--dtype float16",),
    "--half": ("--dtype float16",),
    "--channels-last": ("--memory-format channels_last",),
    "--cuda": ("--device cuda",),
    "--gpu": ("--device cuda",),
    "--warmup": ("warming up is automatic",),
    "--runs": _ROUNDS,
    "--repeat": _ROUNDS,
    "--iterations": _ROUNDS,
    "--json": ("--format json",),
    "--csv": ("--format csv",),
    "--markdown": ("--format markdown",),
    "--export-json": ("--format json > FILE",),
    "--export-csv": ("--format csv > FILE",),
    "--export-markdown": ("--format markdown > FILE",),
    "-o": _TO_FILE,
    "--output": _TO_FILE,
    "--save": _TO_FILE,
    "-k": (_NAMES,),
    "--select": (_NAMES,),
    "--model": (_NAMES,),
    "-x": ("every target is tried: name one to try it alone",),
    "--lf": ("--resume", "name what failed"),
    "-v": ("--version", "everything is said unless -q is given"),
    "--verbose": ("everything is said unless -q is given",),
    "--fix": ("--update",),
    "--diff": ("every change is printed",),
    "--exit-zero": ("add `|| true` where exit code 1 must not end the job",),
}
_CHOICE = re.compile(r"(?P<given>'.*') is not one of (?P<choices>.*)")


def describe_usage(error: Any) -> str:
    """Return the sentence, with near names, else the command whose help lists the options."""
    said = _refused_value(error) or str(error.format_message()).strip()
    # Typer's own idea of what is near is left out.
    said = re.split(r"\.? \(?(?:Did you mean|Possible options)", said)[0].rstrip(".")
    said = said[0].lower() + said[1:]
    if instead := _instead(error):
        return f"{said}; {instead}"
    if near := _near(error):
        return f"{said}; did you mean {either(near)}?"
    if said.endswith(("is not readable", "is not writable")):
        return f"{said}; {CHANGE_PERMISSIONS}"
    command = getattr(error.ctx, "command_path", "opbench")
    return f"{said}; `{command} --help` lists what there is"


def _instead(error: Any) -> str:
    """Say what does here what an option of another tool does; "" of an option of none."""
    known = _options(error)
    for hint in _ELSEWHERE.get(getattr(error, "option_name", ""), ()) if known else ():
        option = hint.split()[0]
        if option in known:
            return f"use {hint}"
        if not option.startswith("--"):
            return hint
    return ""


def _options(error: Any) -> list[str]:
    """Return the options of the command that refuses one; none where it is opbench itself."""
    command = getattr(error.ctx, "command", None)
    if command is None or not getattr(error, "option_name", ""):
        return []
    return [each for param in command.get_params(error.ctx) for each in param.opts]


def _near(error: Any) -> list[str]:
    """Return the options, or commands, that an unknown one may stand for."""
    command = getattr(error.ctx, "command", None)
    if known := _options(error):
        option = error.option_name
        if option in known:
            return []
        inside = [each for each in known if option.strip("-") in each.split("-")]
        return inside or near_matches(option, known, likeness=0.6)
    unknown = re.search(r"command '(.*?)'", str(error.message))
    return near_matches(unknown[1], command.commands, likeness=0.6) if unknown and command else []


def _refused_value(error: Any) -> str:
    """Return "--jobs must be a whole number, not 'x'"; nothing for another kind of error."""
    problems: Any = getattr(error.__cause__, "errors", list)()
    if not problems or not getattr(error, "param", None):
        return ""
    problem, name = problems[0], max(error.param.opts, key=len)
    given = problem["input"]
    if must_be := _MUST_BE.get(problem["type"], ""):
        must_be = must_be.format(**problem.get("ctx", {}))
        return f"{name} must be {must_be}, not {given if isinstance(given, int) else repr(given)}"
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    if choice := _CHOICE.fullmatch(message):
        return f"{name} must be one of {choice['choices'].replace(chr(39), '')}, not {given!r}"
    return f"{name}: {message}"
