"""What the article, the paper and the works they draw on say, tried on the results at hand.

    STATEMENTS              every checkable statement, with its source and how it is tested
    load_evidence(folder)   counts, published accuracies, the 2016 chart, timing runs
    evaluate(evidence)      one ``Finding`` per statement, and per device where it is timed

A statement is data: words, a source and one small function.  The verdict is *holds*, *does not
hold* or *cannot tell*, and the last says what is missing; thresholds stand in ``test``, beside
what was found.  Standard library only.

References:
    E. Culurciello.  "Neural Network Architectures."  2016-2017.
    A. Canziani, A. Paszke, E. Culurciello.  "An Analysis of Deep Neural Network Models for
    Practical Applications."  arXiv:1605.07678.
"""

from __future__ import annotations

from opbench.claims.evaluation import STATEMENTS, evaluate
from opbench.claims.evidence import Cell, Condition, Evidence, load_evidence
from opbench.claims.statement import Finding, Statement, Verdict

__all__ = [
    "STATEMENTS",
    "Cell",
    "Condition",
    "Evidence",
    "Finding",
    "Statement",
    "Verdict",
    "evaluate",
    "load_evidence",
]
