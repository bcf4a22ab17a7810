"""Merging: the files of other machines and folders, brought into one results folder.

    copies    the files as they are found, each read once
    versions  the copies that count, and their names
    folder    what that changes in a results folder, and changing it

Files are copied whole and never rewritten: a line that is damaged stays where it was, and the hash
of a file says that it is the one that was measured.  What a folder holds in the end depends on the
set of files that were merged into it, not on their order or on how often.
"""
