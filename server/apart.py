"""Has what strangers sent looked at by processes of their own: what is in it can neither end nor
stall the server, and takes no more memory, time and disk than such a process has.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import trio

from actors.ports import StoreUnavailable
from server.child import bare_environment

ENDED: Final = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
"""How somebody else ends a process, for want of memory or to stop."""
ROOT: Final = Path(__file__).parents[1]


class Harmful(Exception):
    """The process came to its end by what it was given; the text says how."""


async def apart(program: str, asked: bytes) -> bytes:
    """What ``python -m program``, which is ``bounded``, answers to *asked*.

    Raises Harmful, and StoreUnavailable where it was nobody's fault.
    """
    try:
        done = await trio.run_process(
            [sys.executable, "-P", "-X", "utf8", "-m", program],
            stdin=asked,
            capture_stdout=True,
            stderr=subprocess.DEVNULL,
            check=False,
            env={**bare_environment(), "PYTHONPATH": str(ROOT)},
            start_new_session=True,  # a Ctrl-C is for the server
        )
    except OSError as error:
        raise StoreUnavailable(f"{program}: {error}") from error
    if done.returncode == -signal.SIGXCPU:
        raise Harmful("takes too long to be read")
    if done.returncode in ENDED:
        raise StoreUnavailable(f"{program}: it was ended")
    if done.returncode < 0:  # it crashed
        raise Harmful("cannot be read")
    if done.returncode:
        raise RuntimeError(f"python -m {program} ended with {done.returncode}")
    return done.stdout
