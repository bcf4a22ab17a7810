"""PyTorch, operator by operator."""

from opbench.runtimes.runtime import Runtime

RUNTIME = Runtime(name="eager", prepare=lambda module, mode: module, compiles=False)
