"""``python -m opbench``, without the current folder on the path that modules are imported from."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]

from opbench.cli import main

if __name__ == "__main__":
    main()
