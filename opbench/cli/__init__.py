"""The command line: one module per command, and the only place that catches errors.

Exit codes: 0 fine, 1 the answer is no, 2 wrong usage or input, 130 interrupted.  A command's
module is imported when the command is called, and imports torch, pandas and matplotlib inside its
function: ``--help`` needs none of them.  It shows the first sentence of each command's docstring,
read from the source.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from opbench import __version__
from opbench.errors import OpbenchError

# Every command and the function in the module of its name.
COMMANDS = {
    "list": "list_",
    "show": "show",
    "count": "count",
    "run": "run",
    "compare": "compare",
    "runs": "runs",
    "doctor": "doctor",
    "check": "check",
    "plot": "plot",
    "report": "report",
    "claims": "claims",
}


class _Commands(TyperGroup):
    """Loads a command when it is called; turns an error into a sentence and an exit code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Near matches are looked for among the keys.
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in COMMANDS])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OpbenchError as error:
            _say(f"error: {error}")
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            _say("interrupted")
            raise typer.Exit(130) from None


_OPTIONS: dict[str, Any] = {
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}

# Without Rich, whose Markdown alone takes longer to import than everything else here.
app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What a neural network's accuracy costs: operations, parameters, time and memory.",
    **_OPTIONS,
)


def summary(name: str) -> str:
    """Return the first sentence of a command's help."""
    source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == COMMANDS[name]:
            return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    raise AssertionError(f"opbench/cli/{name}.py has no function {COMMANDS[name]}")


def _command(name: str) -> Any:
    function = getattr(import_module(f"opbench.cli.{name}"), COMMANDS[name])
    alone = typer.Typer(add_completion=False, **_OPTIONS)
    # Typer keeps the line breaks of all paragraphs but the first.
    paragraphs = (" ".join(each.split()) for each in (function.__doc__ or "").split("\n\n"))
    alone.command(name, help="\n\n".join(paragraphs))(function)
    return typer.main.get_command(alone)


def _say(sentence: str) -> None:
    from opbench.cli.render import say

    say(sentence)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"opbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    app(prog_name="opbench")
