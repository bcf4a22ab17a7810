"""Text, packed for a place inside the page: gzip, and base64 since the page is text itself.

Unpacked, the charting library and the figures would be nearly all of the page.
"""

from __future__ import annotations

import gzip
from base64 import b64encode


def packed(text: str) -> str:
    """``text`` packed, the same every time; ``unpacked`` in words.js undoes it."""
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()
