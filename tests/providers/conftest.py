"""torchvision made importable beside the torch of the tests, where it is installed: importing the
module below is all there is to do."""

from __future__ import annotations

from tests.providers import torchvision_operators  # noqa: F401
