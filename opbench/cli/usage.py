"""Say in one sentence why a command line cannot be parsed."""

from __future__ import annotations

import re
from typing import Any

# By pydantic's names of them, which newer versions of typer use to read values.
_MUST_BE = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}

# How versions of typer offer near matches.
_SUGGESTIONS = (
    r"(?P<said>.*?)\.? \(?Did you mean (one of: )?(?P<near>.*?)\??\)?",
    r"(?P<said>.*?)\.? \(Possible options: (?P<near>.*)\)",
)


def describe_usage(error: Any) -> str:
    """Return the sentence, with the command whose help lists the options."""
    said = _refused_value(error) or str(error.format_message()).strip().rstrip(".")
    said = said[0].lower() + said[1:]
    for pattern in _SUGGESTIONS:
        if found := re.fullmatch(pattern, said):
            return f"{found['said']}; did you mean {found['near'].replace(', ', ' or ')}?"
    command = getattr(error.ctx, "command_path", "opbench")
    return f"{said}; `{command} --help` lists what there is"


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
    return f"{name}: {message}"
