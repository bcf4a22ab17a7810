"""The command line: one module per command, and the only place that catches errors.

Exit codes: 0 fine, 1 the answer is no, 2 wrong usage or input, 130 interrupted.  A command's
module is imported when the command is called, and imports torch, pandas and matplotlib inside its
function: ``--help`` needs none of them.  It shows the first sentence of each command's docstring,
read from the source; the lines under "Examples:" stand at the end of the command's own help.
"""

from __future__ import annotations

import ast
import errno
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from opbench import __version__
from opbench.errors import OpbenchError, remedy
from opbench.processes.start import keep_out_current_folder

# Every command and the function in the module of its name.
COMMANDS = {
    "list": "list_",
    "show": "show",
    "count": "count",
    "run": "run",
    "evaluate": "evaluate",
    "compare": "compare",
    "merge": "merge",
    "runs": "runs",
    "doctor": "doctor",
    "check": "check",
    "plot": "plot",
    "report": "report",
    "claims": "claims",
}


# The parser's base of what a user can fix, which typer does not export.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]

# Spellings of before, which help and messages do not show.
_RENAMED = {"--out": "--output", "--as": "--file-format", "--with": "--overlay"}


class _Commands(TyperGroup):
    """Loads a command when it is called; turns an error into a sentence and an exit code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Near matches are looked for among the keys.
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS]  # "list" is a module of this package

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in COMMANDS])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] == ["help"]:
            args = [*args[1:2], "--help"]
        with _errors_as_sentences():
            rest: list[str] = super().parse_args(ctx, args)
        return rest

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, [_today(word) for word in rest]

    def invoke(self, ctx: Any) -> Any:
        with _errors_as_sentences():
            return super().invoke(ctx)


def _today(word: str) -> str:
    option, equals, value = word.partition("=")
    return _RENAMED.get(option, option) + equals + value


@contextmanager
def _errors_as_sentences() -> Iterator[None]:
    try:
        yield
    except OpbenchError as error:
        _say(f"error: {error}")
        raise typer.Exit(2) from error
    except _USAGE_ERROR as error:
        from opbench.cli.usage import describe_usage

        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        _say(f"error: {describe_usage(error)}")
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        _say("interrupted")
        raise typer.Exit(130) from None
    except OSError as error:
        _end(_told(error), 2)


_OPTIONS: dict[str, Any] = {
    "pretty_exceptions_enable": False,
    # Without Rich, whose Markdown alone takes longer to import than everything else here.
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}

app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    help="What a neural network's accuracy costs: operations, parameters, time and memory.",
    epilog="`opbench COMMAND --help` explains a command, with examples.",
    **_OPTIONS,
)


def summary(name: str) -> str:
    """Return the first sentence of a command's help."""
    source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == COMMANDS[name]:
            return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    raise AssertionError(f"opbench/cli/{name}.py has no function {COMMANDS[name]}")


@cache
def _command(name: str) -> Any:
    from opbench.cli.help import Command

    module = import_module(f"opbench.cli.{name}")
    function = getattr(module, COMMANDS[name])
    text, _, examples = inspect.cleandoc(function.__doc__ or "").partition("Examples:\n")
    # Typer keeps the line breaks of all paragraphs but the first.
    paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    command = _parsed_by(
        function, name=name, cls=Command, help="\n\n".join(paragraphs).strip(), epilog=examples
    )
    command.params += _parsed_by(_options_of_every_command).params
    command.lists = getattr(module, "help_lists", dict)
    return command


def _parsed_by(function: Any, **options: Any) -> Any:
    alone = typer.Typer(add_completion=False, **_OPTIONS)
    alone.command(**options)(function)
    return typer.main.get_command(alone)


def _say(sentence: str) -> None:
    from opbench.cli.render import say

    say(sentence)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"opbench {__version__}")
        raise typer.Exit


def _silence(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from opbench.cli.render import output

        output.quiet = True
        context.call_on_close(output.restore)


def _remove_colors(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from opbench.cli.render import output

        output.plain = True
        context.call_on_close(output.restore)


_Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", callback=_silence, expose_value=False,
        help="Print results, warnings and errors only.",
    ),
]  # fmt: skip
_NoColor = Annotated[
    bool,
    typer.Option(
        "--no-color", callback=_remove_colors, expose_value=False,
        help="Print without colours and bold letters.",
    ),
]  # fmt: skip


def _options_of_every_command(quiet: _Quiet = False, no_color: _NoColor = False) -> None:
    pass


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    quiet: _Quiet = False,
    no_color: _NoColor = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    keep_out_current_folder()
    _prepare_streams()
    try:
        app(prog_name="opbench")
    except OSError as error:
        _end(_told(error), 2)


def _prepare_streams() -> None:
    """Let nothing that is opened later be taken for a standard stream that is closed."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Opening takes the lowest number that is free.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")
    if sys.stdout is None:
        _end("error: standard output is closed", 2)
    # A name may hold what a terminal's encoding does not; an escape is better than no output.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _told(error: OSError) -> str:
    """Tell of a full disk, a missing permission, an output that its reader has closed."""
    # Only the question for it has no name of a file and may find nothing.
    unnamed = "the current folder" if error.errno == errno.ENOENT else "standard output"
    advice = remedy(error) if error.filename else ""
    return f"error: {error.filename or unnamed}: {error.strerror or error}{advice}"


def _end(sentence: str, status: int) -> NoReturn:
    """Say why, and exit without writing what is left to standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with suppress(OSError):
        _say(sentence)
    sys.exit(status)
