"""``madang audit``: whether the audit log is what was written."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from functools import partial
from hashlib import sha256

from server.commands.arguments import place_of
from server.commands.opened import Opened, work_on
from server.postgres.audit_chain import Chain, verify_chain


def add_arguments(parser: ArgumentParser) -> None:
    """What to do."""
    parser.add_argument("action", choices=["verify"])
    parser.add_argument(
        "--head", type=_hash, metavar="HASH", help="a head that was noted earlier, to be found"
    )


def run(arguments: Namespace) -> int:
    """Walk along the log; 1 where an entry is not what it was, or the head is not in it."""
    chain = work_on(place_of(arguments), partial(_verify, arguments.head))
    sys.stdout.write(f"{chain.checked} entries, head {chain.head.hex() or 'none'}\n")
    if chain.broken is not None:
        sys.stdout.write(f"broken at entry {chain.broken}\n")
    elif not chain.found:
        sys.stdout.write("the head that was noted is not among them: entries are missing\n")
    return int(chain.broken is not None or not chain.found)


async def _verify(sought: bytes | None, opened: Opened) -> Chain:
    return await verify_chain(opened.database, sought=sought)


def _hash(text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != sha256().digest_size:
        raise ArgumentTypeError("a head is 64 hex digits")
    return value
