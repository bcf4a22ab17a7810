"""One module per paper.  Each ends in ``ARCHITECTURES = (ArchitectureSpec(...), ...)``.

The registry finds the modules by scanning this folder: adding a network is adding one file.
"""
