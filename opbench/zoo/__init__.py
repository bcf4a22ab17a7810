"""The networks of torchvision and timm as facts on file, one row per set of weights and size.

    rows       the rows of ``torchvision.csv`` and ``timm.csv``, read without torch
    libraries  the libraries: licence, addresses, how exact the numbers are that they state
    groups     the data that weights were trained on, from their names
    families   the family, paper and year of a network, by the longest prefix of its name
    stated     the numbers that a library states against the counts
    results    the accuracies of timm's weights, from its table of results
    journal    the counts of an update that is not finished
    counting   the facts from the installed libraries, and the counts

All but ``counting`` do without torch.
"""
