"""One forward pass, watched: every operator, the module that runs it, and the memory alive.

    dispatch      the base of every mode that sees operators
    tracer        sees every operator and applies its rule
    scopes        the module that is running
    gradients     the same while gradients are computed
    training      the backward pass of a training pass
    lifetimes     the memory that is alive
    deferred      other threads, generators and futures
    handover      work that is handed to a thread
    unseen        tensors made by threads that are not traced
    outputs       tensors in what a forward pass returns
    torch_state   global state of torch, restored afterwards

These note what happens; what an operator costs they ask ``opbench.counting.rules``.
"""
