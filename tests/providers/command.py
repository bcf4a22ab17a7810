"""``python -m tests.providers.command count 'timm:*' --jobs 2``: the opbench command beside a torch
that torchvision was not built for.

Not called ``__main__``: processes that the command starts import this module again, under another
name, and with it the operators.
"""

from __future__ import annotations

from opbench.cli import main
from tests.providers import torchvision_operators  # noqa: F401

if __name__ == "__main__":
    main()
