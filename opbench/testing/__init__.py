"""Counts in other projects' tests: the pytest fixture ``opbench`` and its assertions.

``plugin`` is loaded by pytest and imports no torch; ``assertions`` does the work.
"""
