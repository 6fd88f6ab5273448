"""The arguments that every command takes."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from server.settings import DEFAULT_DATA, Place, read_place


def add_place(parser: ArgumentParser) -> None:
    """Add the arguments that say where the data is."""
    parser.add_argument(
        "--data", metavar="DIR", help=f"data folder (default: $DATA, else {DEFAULT_DATA})"
    )
    parser.add_argument(
        "--database-url",
        metavar="URL",
        help="PostgreSQL (default: $MADANG_DATABASE_URL, else embedded in the data folder)",
    )
    parser.add_argument(
        "--redis-url",
        metavar="URL",
        help="Redis (default: $MADANG_REDIS_URL, else embedded)",
    )


def place_of(arguments: Namespace) -> Place:
    """Where the data is, as the arguments and the environment have it."""
    return read_place(
        os.environ,
        data=arguments.data,
        database_url=arguments.database_url,
        redis_url=arguments.redis_url,
    )
