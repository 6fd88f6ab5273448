"""``python -m bench.null_server``: Madang composed with a journal that stores nothing."""

from __future__ import annotations

import os
import resource
import sys
from argparse import ArgumentParser
from functools import partial

import trio

from bench.null_journal import forgetful
from server import app
from server.commands.arguments import add_place, place_of
from server.commands.opened import Opened, work_with
from server.data_folder import make_data_folder
from server.lifecycle import backends
from server.log import configure_logging
from server.settings import read_settings
from server.token_key import load_token_key


def main() -> int:
    """As ``madang serve``, without demo accounts: the first line of stdout is ``ready URL``."""
    parser = ArgumentParser(prog="python -m bench.null_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    add_place(parser)
    given = parser.parse_args()
    place = place_of(given)
    key = load_token_key(None, make_data_folder(place.data), embedded=place.database_url is None)
    settings = read_settings(os.environ, place, host="127.0.0.1", port=given.port, token_key=key)
    configure_logging(settings.log_level, stream=sys.stderr)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with backends(*place, role="serve") as running:
        trio.run(work_with, running, _migrated)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        ready = partial(print, "ready", flush=True)
        trio.run(partial(app.serve, settings, running, demo=(), ready=ready, journal=forgetful))
    return 0


async def _migrated(_: Opened) -> None:
    """Opening the database is what brings it to the schema."""
    await trio.lowlevel.checkpoint()


if __name__ == "__main__":
    sys.exit(main())
