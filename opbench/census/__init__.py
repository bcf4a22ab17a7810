"""Many targets: counted one after the other or by several processes, kept as they come.

workers     a function carried out for each of many names; what fails is an outcome like any other
rowfile     rows by name in a file that survives whatever stops the program, to go on from
"""

from opbench.census.rowfile import RowFile
from opbench.census.workers import Failed, outcomes

__all__ = ["Failed", "RowFile", "outcomes"]
