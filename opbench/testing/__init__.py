"""Assert counts and speed in other projects' tests: the pytest fixture ``opbench``.

``plugin`` is loaded by pytest and imports no torch; ``assertions`` does the work.
"""
