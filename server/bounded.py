"""What a process does with what strangers have sent, where that can do no harm: see
``server.apart``.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

POLITE: Final = 5
"""How far it steps back for the server, of 19."""


def bounded(work: Callable[[bytes], bytes], limits: Mapping[int, tuple[int, int]]) -> None:
    """Answer what comes on the standard input with what *work* makes of it, within *limits* by
    ``RLIMIT_…``.
    """
    os.nice(POLITE)
    for which, most in limits.items():
        with suppress(ValueError, OSError):  # a system may not have it, or a lower one
            resource.setrlimit(which, most)
    sys.stdout.buffer.write(work(sys.stdin.buffer.read()))
