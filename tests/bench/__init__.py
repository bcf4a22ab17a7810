"""opbench beside other tools, in one run: who is exact where, and how long each takes."""
