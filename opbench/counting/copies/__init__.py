"""Private copies of a network, and the network as it was afterwards.

A forward pass writes: into buffers, attributes, closures, global variables and caches.  It runs on
a copy, and what a copy cannot hold apart is noted before the pass and put back after it.

    copying       a copy of a network, or the network itself where it cannot be copied
    duplicate     deep copies of whatever a network holds
    exported      exported programs, which are no modules
    scripted      TorchScript modules, frozen ones included
    original      the network itself, where its copy reaches it
    snapshot      contents of containers, objects and variables, to be restored
    namespaces    global variables of a network's code, restored afterwards
    leftovers     tensors of a count that stayed in caches

What a network computes is nothing to these: no operator is looked at here.
"""
