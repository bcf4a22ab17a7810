"""Runtimes: how a forward pass is executed, one module each, found by scanning.

A module's ``RUNTIME`` is a ``Runtime``.  Other packages add theirs through the entry-point group
``opbench.runtimes``, each entry point naming one.
"""

from opbench.runtimes.lookup import find, names
from opbench.runtimes.runtime import Runtime

__all__ = ["Runtime", "find", "names"]
