"""Runtimes: how a forward pass is executed, one module each, found by scanning.

    eager         PyTorch, operator by operator
    compile       torch.compile, in one of its modes
    aot           AOTInductor: compiled ahead of time, without Python
    onnxruntime   ONNX Runtime, from an exported graph or an ONNX file
    openvino      OpenVINO, from an exported program or an ONNX file

A module's ``RUNTIME`` is a ``Runtime``.  Other packages add theirs through the entry-point group
``opbench.runtimes``, each entry point naming one.  What several share is in ``parts``.

The same is asked of each: the precision of the cell and no other, the threads of the cell, none of
which spins while it has nothing to do, and the shapes of the example, which are fixed.
"""

from opbench.runtimes.lookup import find, names
from opbench.runtimes.runtime import Example, Executable, ExecutionSettings, Runtime

__all__ = ["Example", "Executable", "ExecutionSettings", "Runtime", "find", "names"]
