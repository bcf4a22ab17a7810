"""Say in one sentence why a command line cannot be parsed."""

from __future__ import annotations

import re
from typing import Any

from opbench.errors import either, near_matches

# By pydantic's names of them, which newer versions of typer use to read values.
_MUST_BE = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
_CHOICE = re.compile(r"(?P<given>'.*') is not one of (?P<choices>.*)")


def describe_usage(error: Any) -> str:
    """Return the sentence, with near names, else the command whose help lists the options."""
    said = _refused_value(error) or str(error.format_message()).strip()
    # Versions of typer differ in what they think is near.
    said = re.split(r"\.? \(?(?:Did you mean|Possible options)", said)[0].rstrip(".")
    said = said[0].lower() + said[1:]
    if near := _near(error):
        return f"{said}; did you mean {either(near)}?"
    command = getattr(error.ctx, "command_path", "opbench")
    return f"{said}; `{command} --help` lists what there is"


def _near(error: Any) -> list[str]:
    """Return the options, or commands, that an unknown one may stand for."""
    command = getattr(error.ctx, "command", None)
    option = getattr(error, "option_name", "")
    if option and command:
        known = [each for param in command.get_params(error.ctx) for each in param.opts]
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
