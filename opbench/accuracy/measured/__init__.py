"""Measured accuracies: what a network answered to every image, on file, joined and compared.

    preprocessing   the protocol: how an image becomes the input of a network
    lines           the lines of a file
    store           the files of a results folder, by name and by age
    evaluation      the files of one evaluation, joined: every image once, top-1 and top-5
    redundant       files of which others have every answer
    proportions     exact McNemar test, Tango's interval, Holm's correction
    labels          evaluations named by the settings in which they differ
    comparable      what cannot be compared is refused
    paired          evaluations on the same images: BETTER, WORSE, SAME or AMBIGUOUS

Standard library and msgspec only: neither torch nor pandas.
"""
