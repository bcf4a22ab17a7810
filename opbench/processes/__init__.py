"""Run other people's code in processes of its own, so that nothing it does breaks this one.

    start     start a Python that imports nothing from the current folder
    server    a process that forks a worker for each request
    calls     call a function on many arguments in such workers; deaths and timeouts are results
    asked     when this process was asked for what it is doing
    memory    memory that is free, and a limit for a process

A worker may exit, crash, hang, use up its memory, write to standard output or change what it
likes: its argument gets the reason, and the others their results.  Nothing here imports torch;
a server imports what its functions need.
"""
