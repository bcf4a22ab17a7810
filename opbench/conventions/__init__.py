"""Count the same forward pass by other rules, and let other tools count it.

trace(build, size)                          one forward pass, operator by operator
tally(COMPUTED["chart2016"], trace)         the count of a rule, by kind of work
PEERS["thop"].ask(network, inputs)          the count of an installed tool

What can be stated as a rule is computed here from a trace; what is the behaviour of a tool is the
tool's own answer, whichever version is installed.

trace           operators of a forward pass
recorder        the machinery that records them
forward         one recorded forward pass
convention      rules, tools and their tallies
multiply_adds   mac, flop, connections
dispatched      torch, torchvision
chart2016       chart2016, torch-opcounter
peers           fvcore, ptflops, ptflops-hooks, thop, torchinfo
"""

from opbench.conventions.chart2016 import CHART2016, TORCH_OPCOUNTER
from opbench.conventions.convention import Convention, Rule, Tally, tally
from opbench.conventions.dispatched import TORCH_FLOP_COUNTER, TORCHVISION_OPS
from opbench.conventions.forward import prepare, trace
from opbench.conventions.multiply_adds import CONNECTIONS, FLOP, MAC
from opbench.conventions.peers import PEERS, Peer
from opbench.conventions.trace import Trace
from opbench.names import find

COMPUTED = {
    rule.name: rule
    for rule in (
        MAC,
        FLOP,
        CONNECTIONS,
        TORCH_FLOP_COUNTER,
        TORCHVISION_OPS,
        CHART2016,
        TORCH_OPCOUNTER,
    )
}
CONVENTIONS: dict[str, Rule | Peer] = {**COMPUTED, **PEERS}


def get(name: str) -> Rule | Peer:
    """Return the convention called ``name``.  Raises ``UnknownNameError`` with near matches."""
    return CONVENTIONS[find("convention", name, CONVENTIONS)]


__all__ = [
    "COMPUTED",
    "CONVENTIONS",
    "PEERS",
    "Convention",
    "Peer",
    "Rule",
    "Tally",
    "Trace",
    "get",
    "prepare",
    "tally",
    "trace",
]
