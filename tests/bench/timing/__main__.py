"""``python -m tests.bench.timing [PART...]``."""

from __future__ import annotations

import sys

from tests.bench.timing import table, tried

if __name__ == "__main__":
    claims = tried(sys.argv[1:])
    sys.stdout.write(table(claims))
    sys.exit(any(claim.holds is False for claim in claims))
