"""``madang serve``: run the chat server until it is told to stop."""

from __future__ import annotations

import json
import os
import resource
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EADDRINUSE, EADDRNOTAVAIL
from functools import partial

import trio

from server.commands.arguments import place_of
from server.commands.demo import Demo, prepare_demo
from server.commands.opened import Opened, work_with
from server.data_folder import make_data_folder
from server.failure import CannotListen, first_cause
from server.lifecycle import backends
from server.log import configure_logging
from server.settings import Settings, read_settings, read_token_key
from server.token_key import load_token_key

REMEDY = {
    EADDRINUSE: "stop what listens there, or choose another port with --port (make run PORT=9000)",
    EADDRNOTAVAIL: "choose an address of this machine with --host (make run HOST=127.0.0.1)",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Where to listen."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--introduce",
        action="store_true",
        help="once ready, print the page's address, the demo accounts and a request to try",
    )


def run(arguments: Namespace) -> int:
    """Serve, and print one line ``ready URL`` once connections are taken."""
    from server import app  # noqa: PLC0415 - it loads a web framework, which no other command needs

    settings = _settings(arguments)
    configure_logging(settings.log_level, stream=sys.stderr)
    with backends(*settings.place, role="serve") as running:
        demo = trio.run(work_with, running, partial(_prepare, settings))
        _allow_many_files()
        accounts = demo.accounts if demo else []
        ready = partial(_ready, arguments.introduce, demo)
        with _listening(settings):
            trio.run(partial(app.serve, settings, running, demo=accounts, ready=ready))
    return 0


def introduction(url: str, demo: Demo | None) -> str:
    """What a newcomer is told."""
    if demo is None:
        return f"\nOpen {url}/ in a browser. Ctrl-C stops everything.\n\n"
    one = demo.accounts[0]
    body = json.dumps({"username": one.username, "password": one.password})
    accounts = "".join(f"  {each.username} {each.password}\n" for each in demo.accounts)
    return (
        f"\nOpen {url}/ in two browser windows and sign in with the demo accounts\n{accounts}"
        f"or ask for a token:\n"
        f"  curl -s {url}/api/v1/auth/token -H 'content-type: application/json' -d '{body}'\n"
        "Ctrl-C stops everything.\n\n"
    )


def _settings(arguments: Namespace) -> Settings:
    place = place_of(arguments)
    given, embedded = read_token_key(os.environ), place.database_url is None
    data = make_data_folder(place.data)
    key = load_token_key(given, data, embedded=embedded)
    return read_settings(os.environ, place, host=arguments.host, port=arguments.port, token_key=key)


@contextmanager
def _listening(settings: Settings) -> Iterator[None]:
    """Raise CannotListen for an error of the address, which does not name it."""
    try:
        yield
    except (OSError, BaseExceptionGroup) as error:
        cause = first_cause(error)
        if not isinstance(cause, OSError) or cause.errno not in REMEDY:
            raise
        tried = f"cannot listen on {settings.host}:{settings.port}"
        remedy = REMEDY[cause.errno]
        raise CannotListen(f"{tried} ({cause.strerror}): {remedy}") from error


async def _prepare(settings: Settings, opened: Opened) -> Demo | None:
    return await prepare_demo(settings.place.data, opened) if settings.demo else None


def _ready(introduce: bool, demo: Demo | None, url: str) -> None:  # noqa: FBT001 - bound at once
    sys.stdout.write(f"ready {url}\n")
    if introduce:
        sys.stdout.write(introduction(url, demo))
    sys.stdout.flush()


def _allow_many_files() -> None:
    """A connection is an open file, and the usual soft limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
