"""Everything that needs a GPU, in one command of under eight minutes.

``python -m tests.gpu --output FOLDER`` tries on this machine's GPU what was written without one.
Each part runs in a process of its own with a time limit, and what it finds is on disk before the
next begins, so that a part which crashes or hangs ends nothing but itself:

    lines.jsonl   a line per finding: what was expected, what was seen, confirmed or refuted
    tests.txt     what pytest says of the tests marked ``cuda``
    log.txt       what everything else prints
    runs.tar      the files of `opbench run` and `opbench compare`
    results.md    the findings as a table, written at the end

The rooms:

    part      the table of parts, in the order of their value
    outcome   a finding, and the file of them
    process   one part in a process, ended when its time is up
    bed       the device, or a processor that plays one: ``--dry-run``
    direct    times by PyTorch alone, as a witness of opbench's
    command   the command line, and the folder of its results
    checks    what the hardware and PyTorch do, and whether opbench copes
    report    ``results/gpu.md`` from a folder

It needs no network, and of optional packages only those that a part asks for.
"""
