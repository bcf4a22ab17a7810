"""Exact counts of what a forward pass computes.

Ways in:

    count(module, (3, 224, 224))            a network that exists; it is left as it was
    build_and_count(build, (3, 224, 224))   one that is built for the purpose, without weights
    witness(...), build_and_witness(...)    fvcore's count; ``differences`` itemises the two

Inside:

    rules         what an operator with a dot product costs
    free          which operators have none
    tracer        the machinery that sees every operator
    shapes        results on the meta device, where the shape is plain
    recurrent     the same for recurrent layers
    control_flow  branches and loops that are operators
    scopes        which module is running
    lifetimes     how much memory is alive
    request       inputs, from a size or an example
    private       copies, so that nobody's network is touched
    undisturbed   global state, the same after as before
    construct     building without weights
    forward       one traced forward pass
    summary       the tally as a ``Count``
    witness       the same count by an independent tool
"""

from opbench.counting.forward import build_and_count, count
from opbench.counting.witness import Witness, build_and_witness, differences, witness

__all__ = ["Witness", "build_and_count", "build_and_witness", "count", "differences", "witness"]
