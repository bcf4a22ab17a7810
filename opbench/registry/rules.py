"""Load the counting rules that a project names in ``[tool.opbench.rules]``.

    [tool.opbench.rules]
    "mylib::gemm" = "counting/rules.py:gemm"      # relative to the file it stands in
    "mylib::conv" = "mylib.counting:conv"

The code is imported when such an operator is met, and only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from opbench.counting.rules import registered
from opbench.counting.rules.registered import Registered
from opbench.errors import OpbenchError, RuleError, describe
from opbench.registry.imports import import_file, import_named
from opbench.settings import load_settings


@contextmanager
def of_project(folder: Path) -> Iterator[None]:
    """Count with the rules of the settings that apply in ``folder``."""
    with registered.rules_from(_Project(folder).find):
        yield


class _Project:
    """The rules of one project, whose settings are read when the first is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named: dict[str, str] | None = None
        self._root = folder

    def find(self, operator: str) -> Registered | None:
        """Return the rule that the project names for an operator.

        Raises ``RuleError``, also for settings that cannot be read.
        """
        if self._named is None:
            try:
                self._named = self._read()
            except OpbenchError as error:
                raise RuleError(str(error)) from error
        place = self._named.get(operator)
        if place is None:
            return None
        return Registered(operator=operator, function=_function(operator, place, self._root))

    def _read(self) -> dict[str, str]:
        settings = load_settings(self._folder)
        for operator, _ in settings.rules:
            registered.require_operator(operator)
        self._root = settings.root
        return dict(settings.rules)


@cache
def _function(operator: str, place: str, root: Path) -> Any:
    """Import a function.  Raises ``RuleError`` for whatever fails."""
    start = f"the counting rule of {operator} in [tool.opbench.rules]"
    head, _, name = place.rpartition(":")
    try:
        module = import_file(root / head) if head.endswith(".py") else import_named(head, root)
    except OpbenchError:
        raise
    except FileNotFoundError:
        raise RuleError(f"{start} is in {root / head}, which does not exist") from None
    except (Exception, SystemExit) as error:
        raise RuleError(f"{start}, {place}, cannot be imported: {describe(error)}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise RuleError(f"{start} is {name!r} of {head}, which has no function of that name")
    return found
