"""Sides for tests of players, which need no torch; loaded by a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any

SPENT = {"processor_s": 0.25, "ran_s": 2.5, "waited_s": 0.5}


def serve(request: Mapping[str, Any]) -> None:
    """Answer as a side does; ``request`` says what goes wrong, and when."""
    if request.get("raises"):
        raise ValueError(request["raises"])
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(request["socket"])
        with channel.makefile("rwb") as stream:
            stream.write(b'{"first_call_s": 1.5}\n')
            stream.flush()
            for line in stream:
                if request.get("dies"):
                    os.kill(os.getpid(), signal.SIGSEGV)
                if request.get("hangs"):
                    time.sleep(60)
                seconds = json.loads(line)["seconds"]
                told = {"samples_s": [seconds, os.getpid()], "calls": 3, **SPENT}
                stream.write(json.dumps(told).encode() + b"\n")
                stream.flush()
