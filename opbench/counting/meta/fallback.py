"""Say why a network is counted with real tensors, and refuse weights that memory cannot hold.

The sentence is a warning of the logger ``opbench.counting``, given before anything is allocated;
a count that then fails for lack of memory repeats it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from textwrap import shorten

from opbench.errors import CountError, OpbenchError, describe
from opbench.escapes import printable
from opbench.processes.memory import available_memory, is_out_of_memory

LOG = logging.getLogger("opbench.counting")

# Sentences of torch to those who write operators.
_REST = r".*?(?= \([^()]*, line \d+\)$|$)"
_PLACE = re.compile(r" \([^()]*, line \d+\)$")
_LONGEST = 120
_IN_SHORT = (
    (re.compile(r"(\w+: ).*INTERNAL ASSERT FAILED.*please report a bug to PyTorch\. "), r"\1"),
    (
        re.compile(r"NotImplementedError: The register_meta function for (\S+) raises" + _REST),
        r"\1 needs values, which the meta device does not have",
    ),
    (
        re.compile(r"NotImplementedError: (\S+): attempted to run this operator with Meta" + _REST),
        r"\1 does not run on the meta device",
    ),
)


def reason_of(error: Exception) -> str:
    """Return why the pass on the meta device, which raised ``error``, does not count."""
    cause = error.__cause__ if isinstance(error, OpbenchError) else None
    reason = describe(cause or error)
    for long, short in _IN_SHORT:
        reason = long.sub(short, reason)
    return _cut(reason)


def _cut(reason: str) -> str:
    """Return the first clause of a long reason, with the line of code that it names."""
    match = _PLACE.search(reason)
    said, place = (reason[: match.start()], match.group()) if match else (reason, "")
    if len(said) > _LONGEST:
        said = re.split(r"[.;] ", said)[0]
    return f"{shorten(said, _LONGEST, placeholder=' …')}{place}"


def announce(reason: str) -> None:
    """Warn that weights and activations are about to be allocated."""
    LOG.warning(printable(f"warning: real tensors are needed: {reason}"))


def announce_device(reason: str) -> None:
    """Warn that a network is counted as on a GPU, which is not here."""
    LOG.warning(printable(f"warning: counted as on a GPU, which is not here: {reason}"))


def announce_in_full(operators: Iterable[str]) -> None:
    """Warn of operators that are counted in full for lack of the values that decide."""
    for name in sorted(operators):
        LOG.warning(
            printable(
                f"warning: {name} is counted in full: how much of it runs depends on values that "
                "the meta device does not have (device='cpu' counts what runs)"
            )
        )


@contextmanager
def naming(target: str) -> Iterator[None]:
    """Put the name of a target into the warnings meanwhile."""

    def name(record: logging.LogRecord) -> bool:
        record.msg = record.msg.replace("warning: ", f"warning: {printable(target)}: ", 1)
        return True

    LOG.addFilter(name)
    try:
        yield
    finally:
        LOG.removeFilter(name)


def require_memory(weight_bytes: int) -> None:
    """Raise ``CountError`` where weights of so many bytes are more than the memory that is free."""
    free = available_memory()
    if weight_bytes > free:
        raise CountError(
            f"not enough memory: the weights take {_gigabytes(weight_bytes)} and "
            f"{_gigabytes(free)} are free"
        )


def explained(error: OpbenchError | MemoryError, reason: str) -> Exception:
    """Return ``error``; where memory ran out, with the reason why it was needed."""
    if not is_out_of_memory(error) and not is_out_of_memory(error.__cause__):
        return error
    return CountError(f"{describe(error)}; real tensors are needed: {reason}")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
