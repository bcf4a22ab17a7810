"""The behaviour of the hardware and of PyTorch on which opbench's protocol of CUDA rests, and
opbench's own answers to it.

    launches   the queue of launches, the spin
    hidden     networks with their launches hidden, or not; the host beside the GPU
    start      the cost of a process, and of a run
    graphs     CUDA graphs and the compiler
    memory     peaks of the allocator
    power      NVML's state, its energy counter and its sensor
    speed      ceilings, TF32, sustained load, a cold cache
"""
