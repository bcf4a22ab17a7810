"""Start the command line: the script ``opbench`` and ``python -m opbench``.

The latter without the current folder on the path that modules are imported from.
"""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # before anything is imported

import os
import signal
from functools import partial
from threading import Timer
from typing import Any, NoReturn


def main() -> None:
    """Run the command line; Ctrl-C ends it with exit code 130, also while it is being imported.

    So does SIGTERM, by which schedulers end a task: temporary folders are removed, and files whole.
    """
    sys.unraisablehook = _interrupt_again
    interrupts: list[int] = []
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, partial(_note, interrupts))
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, partial(_note, interrupts))
    try:
        from opbench.cli import main as run

        run()
    except KeyboardInterrupt:
        _end_interrupted()
    except Exception:
        # Other people's code may make an error of its own of an interrupt.
        if not interrupts:
            raise
        _end_interrupted()
    finally:
        # It is done, and its exit code decided: Python's own end would not be so tidy.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _note(interrupts: list[int], number: int, frame: Any) -> None:
    interrupts.append(number)
    signal.default_int_handler(number, frame)


def _end_interrupted() -> NoReturn:
    sys.stderr.write("interrupted\n")
    sys.exit(130)


def _interrupt_again(lost: Any) -> None:
    """Raise an interrupt again that came while a destructor ran, where Python only reports it."""
    if lost.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(lost)
        return
    try:
        # A real signal, which also ends a call of the system that waits.
        Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
    except KeyboardInterrupt:  # on a busy machine it is back before this has ended
        _interrupt_again(lost)


if __name__ == "__main__":
    main()
