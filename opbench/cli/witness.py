"""The second count of ``opbench show``: from file for the registry, else made now by fvcore.

fvcore runs a network on real tensors, which may take minutes; what would not fit into memory is
not tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opbench.cli.render import messages, stdout_is_ours
from opbench.errors import MissingExtraError
from opbench.inputs import AskedInputs, described

if TYPE_CHECKING:
    from opbench.record import Count
    from opbench.registry.targets import Target
    from opbench.spec import Shape


def second_opinion(target: Target, counted: Count, asked: AskedInputs, *, ask: bool) -> str:
    """Return fvcore's count and what makes the difference to ``counted``, or why there is none.

    Where none is on file, fvcore counts only if ``ask``.
    """
    if target.graph:
        return "no count: fvcore reads no ONNX files"
    known = None if described(asked) else _on_file(target.name, counted.input_size)
    if known is None:
        known = _made_now(target, counted, asked) if ask else (None, "not asked for")
    macs, note = known
    if macs is None:
        return f"no count: {note}"
    return f"{macs:,}, equal" if macs == counted.macs else f"{macs:,}: {note}"


def _on_file(name: str, input_size: Shape) -> tuple[int | None, str] | None:
    from opbench.registry import counts_csv

    for fact in counts_csv.load():
        if (fact.name, fact.input_size) == (name, input_size):
            return fact.fvcore_macs, fact.witness_note
    return None


def _made_now(target: Target, counted: Count, asked: AskedInputs) -> tuple[int | None, str]:
    from opbench.registry.audit import second_count
    from opbench.registry.by_convention import lacks_memory

    if error := lacks_memory(counted):
        return None, str(error)
    try:
        with stdout_is_ours(), messages.status("counting once more, with fvcore"):
            return second_count(target, counted, asked)
    except MissingExtraError as missing:
        return None, str(missing)
