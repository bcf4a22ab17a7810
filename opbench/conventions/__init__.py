"""What other tools and sources would print for the same network, and why it differs.

trace(build, size)              one forward pass, written down
tally(get("thop"), trace)       what thop makes of it, by kind of work

A convention is a small table of rules over the facts of a trace.  Nothing here calls another tool:
what each does was read in its source, and the tests hold the tables against the tools themselves.

trace           the facts
recorder        the machinery that writes them down
forward         one recorded forward pass
convention      what a convention is; tallies and their differences
multiply_adds   mac, flop, connections
dispatched      torch, ptflops, torchvision
fvcore          fvcore
ptflops         ptflops-hooks
thop            thop
torchinfo       torchinfo
chart2016       chart2016, torch-opcounter
"""

from opbench.conventions.chart2016 import CHART2016, TORCH_OPCOUNTER
from opbench.conventions.convention import Convention, Tally, tally
from opbench.conventions.dispatched import PTFLOPS_ATEN, TORCH_FLOP_COUNTER, TORCHVISION_OPS
from opbench.conventions.forward import trace
from opbench.conventions.fvcore import FVCORE
from opbench.conventions.multiply_adds import CONNECTIONS, FLOP, MAC
from opbench.conventions.ptflops import PTFLOPS_HOOKS
from opbench.conventions.thop import THOP
from opbench.conventions.torchinfo import TORCHINFO
from opbench.conventions.trace import Trace
from opbench.errors import UnknownNameError

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (
        MAC,
        FLOP,
        TORCH_FLOP_COUNTER,
        FVCORE,
        PTFLOPS_ATEN,
        PTFLOPS_HOOKS,
        THOP,
        TORCHINFO,
        TORCHVISION_OPS,
        CHART2016,
        TORCH_OPCOUNTER,
        CONNECTIONS,
    )
}


def get(name: str) -> Convention:
    """The convention called ``name``.  Raises ``UnknownNameError`` with near matches."""
    try:
        return CONVENTIONS[name]
    except KeyError:
        raise UnknownNameError(
            "convention", name, CONVENTIONS, see=f"there are {', '.join(CONVENTIONS)}"
        ) from None


__all__ = ["CONVENTIONS", "Convention", "Tally", "Trace", "get", "tally", "trace"]
