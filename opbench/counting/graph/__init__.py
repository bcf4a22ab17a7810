"""Count an ONNX graph exactly, from its file and without a runtime.

    count_file(path, GraphRequest(name=...))       the ``Count`` of one pass through the graph
    inputs_of_file(path, GraphRequest(name=...))   its inputs, with whole shapes and types

The file is walked node by node, in its order, with the shapes that ONNX's own inference gives; the
values of small constants and of shapes are computed on the way, as far as other shapes depend on
them.  Weights are never read: a file whose external data is missing is counted like any other.

The modules, from the file outwards:

    reading       a file as a graph, and the sentence about one that cannot be used
    values        a tensor in the graph: type, shape, perhaps its elements
    inputs        the sizes of the graph's inputs, from the file and the request
    calls         one node with its inputs and outputs
    rules         the multiply-accumulates of each operator that has a dot product
    attention     those of attention
    einsum        those of ``Einsum``
    free          the operators that have none
    shapes        the outputs of a node
    contributed   the outputs of ONNX Runtime's operators, which have no schema
    folding       the elements of small tensors
    weights       which of the stored tensors are parameters
    memory        the tensors alive
    outputs       the values that a node returns
    frames        what the nodes of one graph or function see
    scopes        the module of a node, from its name
    precision     the types of the factors of a product
    tally         what ran
    walk          node after node
    turns         the turns of a loop
    control_flow  branches and loops
    summary       the tally as a ``Count``
"""

from opbench.counting.graph.inputs import GraphRequest
from opbench.counting.graph.summary import count_file, inputs_of_file

__all__ = ["GraphRequest", "count_file", "inputs_of_file"]
