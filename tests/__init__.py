"""The tests and what they share.

A package, so that another distribution's ``tests`` is never found in its place.
"""
