"""Statements of the article, the paper and the works they draw on, tried on a results folder.

    STATEMENTS           every checkable statement, with its source and how it is tested
    chosen(patterns)     the statements about a network, of a paper, or of a key
    evaluate(folder)     one ``Finding`` per statement, and per device where it is timed

A statement is data: words, a source and one small function.  The verdict is *holds*, *does not
hold* or *cannot tell*, and the last says what is missing; thresholds are printed in ``test``,
beside what was found.

References:
    E. Culurciello.  "Neural Network Architectures."  2016-2017.
    A. Canziani, A. Paszke, E. Culurciello.  "An Analysis of Deep Neural Network Models for
    Practical Applications."  arXiv:1605.07678.
"""

from __future__ import annotations

from opbench.claims.evaluation import STATEMENTS, chosen, evaluate, try_on
from opbench.claims.evidence import Evidence
from opbench.claims.statement import Answer, Finding, Statement

__all__ = [
    "STATEMENTS",
    "Answer",
    "Evidence",
    "Finding",
    "Statement",
    "chosen",
    "evaluate",
    "try_on",
]
