"""Count exactly what a forward pass computes.

    count(module, (3, 224, 224))            count a module, which is left as it was
    build_and_count(build, (3, 224, 224))   build a network without weights and count it
    rule("mylib::gemm")                     register the rule of an operator of one's own
    witness(...), build_and_witness(...)    count with fvcore; ``differences`` itemises the two

The modules, from the rules outwards:

    operator_rule the rule of one operator
    backward      the rules of operators that compute gradients
    registered    the rules that users register for operators of their own
    kernels       the rules of operators for quantised, sparse and packed weights
    rules         the multiply-accumulates of each operator that has a dot product
    free          the operators that have none and cannot be told by their kind
    kinds         the kinds of operators that have none
    parts         composite operators taken apart, branches and loops included
    disguise      the same way on the meta device as with real tensors
    absent        devices that are named and not here
    dispatch      the base of every mode that sees operators
    tracer        sees every operator and applies its rule
    values        values that shapes and branches depend on, kept on the meta device
    meta_shapes   results on the meta device, for operators whose result has a plain shape
    recurrent     the same for recurrent layers
    deferred      other threads, generators and futures
    scopes        the module that is running
    gradients     the same while gradients are computed
    training      the backward pass of a training pass
    lifetimes     the memory that is alive
    arguments     the arguments of a forward pass, and the tensors inside them
    signature     arguments that do not fit the parameters of forward
    inputs        inputs, from a size, descriptions or an example
    copying       private copies, so that nobody's network is touched
    original      the network itself, where its copy is not on its own
    duplicate     deep copies of whatever a network holds
    exported      exported programs
    scripted      TorchScript modules, frozen ones included
    namespaces    global variables of a network's code, restored afterwards
    snapshot      contents of containers, objects and variables, to be restored
    torch_state   global state, restored afterwards
    meta_build    building without weights
    forward       one traced forward pass
    fallback      the reason for real tensors
    failure       the error of a forward pass that fails
    nested        shapes and products of nested tensors
    origins       the types that factors were made from
    precision     the types of an operator's factors
    stored        parameters and bytes, packed weights included
    summary       the tally as a ``Count``
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
