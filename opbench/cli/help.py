"""Print a command's help: arguments, options and examples, in the words of a reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

# The parser's base of what a user can fix, which typer does not export.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]

# Where a context keeps the command line as it was typed.
ARGUMENTS = "opbench.arguments"

# The parser's words for types and ranges, and ours.
_WORDS = (
    (r"^([A-Z ]+) <.*>$", r"\1"),
    (r"<list\[(.*)\]>", r"<\1>"),
    (r"<int( range)?>|<integer.*>", "N"),
    (r"<(float|str|text)>", "VALUE"),
    (r"x>=([\d.]+)", r"\1 or more"),
)


class Command(TyperCommand):
    """A command whose help ends with examples, line by line as they stand in its docstring.

    ``lists`` are tables of words and their meanings by heading, printed in front of the examples.
    """

    lists: Callable[[], dict[str, list[tuple[str, str]]]] = dict

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        try:
            rest: list[str] = super().parse_args(ctx, args)
        except _USAGE_ERROR as error:
            # The parser leaves the command out where an option lacks its argument.
            error.ctx = ctx  # type: ignore[attr-defined]
            raise
        return rest

    def format_options(self, ctx: Any, formatter: Any) -> None:
        params = self.get_params(ctx)
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            told = [each.get_help_record(ctx) for each in params if each.param_type_name == kind]
            rows = [tuple(map(_readable, each)) for each in told if each]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        for title, rows in self.lists().items():
            with formatter.section(title):
                formatter.write_dl(rows)
        with formatter.section("Examples"):
            for line in (self.epilog or "").splitlines():
                formatter.write(f"  {line.strip()}\n")


def _readable(text: str) -> str:
    for theirs, ours in _WORDS:
        text = re.sub(theirs, ours, text)
    return text
