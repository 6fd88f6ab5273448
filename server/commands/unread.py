"""``madang unread``: whether what people are told is unread is what the log says."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from server.commands.arguments import place_of
from server.commands.opened import Opened, work_on
from server.postgres.unread import Verified, verify_unread

MOST_TOLD = 20


def add_arguments(parser: ArgumentParser) -> None:
    """What to do."""
    parser.add_argument("action", choices=["verify"])


def run(arguments: Namespace) -> int:
    """Recount everything; 1 where a count has drifted."""
    checked, drifts = work_on(place_of(arguments), _verify)
    for drift in drifts[:MOST_TOLD]:
        sys.stdout.write(
            f"{drift.room} {drift.user}: {drift.derived} unread, {drift.recounted} by the log\n"
        )
    sys.stdout.write(f"{checked} memberships, {len(drifts)} drifted\n")
    return 1 if drifts else 0


async def _verify(opened: Opened) -> Verified:
    return await verify_unread(opened.database)
