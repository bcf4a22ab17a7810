"""Start the command line: the script ``opbench`` and ``python -m opbench``.

The latter without the current folder on the path that modules are imported from.
"""

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it with exit code 130, also while it is being imported."""
    try:
        from opbench.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]
    main()
