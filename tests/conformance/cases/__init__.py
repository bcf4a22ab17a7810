"""One-idea networks with their multiply-accumulates, each confirmed by slow loops."""

from __future__ import annotations

from .attention import ATTENTION
from .bodies import BODIES
from .case import Case, counted, runs_on
from .convolutions import CONVOLUTIONS
from .formats import FORMATS
from .free_of_charge import FREE_OF_CHARGE
from .own_state import OWN_STATE
from .products import LINEAR, PRODUCTS
from .programs import PROGRAMS
from .recurrent import RECURRENT
from .transposed import TRANSPOSED
from .ways import WAYS

FAMILIES: dict[str, tuple[Case, ...]] = {
    "convolutions": CONVOLUTIONS,
    "transposed convolutions": TRANSPOSED,
    "linear layers": LINEAR,
    "products": PRODUCTS,
    "attention": ATTENTION,
    "recurrent layers": RECURRENT,
    "free of charge": FREE_OF_CHARGE,
    "programs": PROGRAMS,
    "formats": FORMATS,
    "ways to run": WAYS,
    "own state": OWN_STATE,
    "bodies": BODIES,
}

CASES: tuple[Case, ...] = tuple(case for family in FAMILIES.values() for case in family)

__all__ = ["CASES", "FAMILIES", "Case", "counted", "runs_on"]
