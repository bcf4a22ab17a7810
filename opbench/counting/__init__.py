"""Count exactly what a forward pass computes.

    count(module, (3, 224, 224))            count a module, which is left as it was
    build_and_count(build, (3, 224, 224))   build a network without weights and count it
    rule("mylib::gemm")                     register the rule of an operator of one's own
    witness(...), build_and_witness(...)    count with fvcore; ``differences`` itemises the two

The rooms, and the modules that join them:

    rules/        which operators have products, and how many
    meta/         the same way without values as with them
    copies/       private copies of a network, and what is put back
    tracing/      one forward pass, watched
    graph/        the same for ONNX files

    forward       one traced forward pass, the way from a network to its ``Count``
    inputs        inputs, from a size, descriptions or an example
    arguments     the arguments of a forward pass, and the tensors inside them
    signature     arguments that do not fit the parameters of forward
    failure       the error of a forward pass that fails
    stored        parameters and bytes, packed weights included
    summary       the tally as a ``Count``
    sums          sums over modules and those above them
    witness       the same count by an independent tool
"""

from opbench.counting.forward import build_and_count, count
from opbench.counting.rules.registered import rule
from opbench.counting.witness import Witness, build_and_witness, differences, witness

__all__ = [
    "Witness",
    "build_and_count",
    "build_and_witness",
    "count",
    "differences",
    "rule",
    "witness",
]
