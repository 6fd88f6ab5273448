"""``madang migrate``: bring the database to the schema of this code."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from server.commands.arguments import place_of
from server.commands.opened import Opened, work_on


def add_arguments(_parser: ArgumentParser) -> None:
    """It takes no more than every command does."""


def run(arguments: Namespace) -> int:
    """Apply what is missing and print the names."""
    for name in work_on(place_of(arguments), _names, may_make=True):
        sys.stdout.write(f"{name}\n")
    return 0


async def _names(opened: Opened) -> list[str]:
    return opened.migrated or ["nothing to do: the database is up to date"]
