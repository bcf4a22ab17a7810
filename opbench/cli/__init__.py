"""The command line: one module per command, and the only place that catches errors.

Exit codes: 0 fine, 1 the answer is no, 2 the user can mend it, 130 interrupted.  Command modules
import torch, pandas and matplotlib inside their function, so that ``--help`` needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from opbench import __version__
from opbench.cli.check import check
from opbench.cli.claims import claims
from opbench.cli.compare import compare
from opbench.cli.count import count
from opbench.cli.doctor import doctor
from opbench.cli.list import list_
from opbench.cli.output import messages
from opbench.cli.plot import plot
from opbench.cli.report import report
from opbench.cli.run import run
from opbench.cli.show import show
from opbench.errors import OpbenchError


class _Commands(TyperGroup):
    """Turns what a user can mend into one sentence and an exit code, for every command alike."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OpbenchError as error:
            messages.print(f"error: {error}", markup=False)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            messages.print("interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="What a neural network's accuracy costs: operations, parameters, time and memory.",
)

_COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_,
    "show": show,
    "count": count,
    "run": run,
    "compare": compare,
    "doctor": doctor,
    "check": check,
    "plot": plot,
    "report": report,
    "claims": claims,
}

for _name, _function in _COMMANDS.items():
    app.command(_name)(_function)


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
