"""``madang doctor``: say what is wrong here, and how to mend it."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import redis
import trio
import trio_asyncio

from actors.ports import StoreUnavailable
from server.commands.arguments import place_of
from server.data_folder import holds_data
from server.data_lock import serving_process
from server.failure import BadSetting, CannotRun, first_cause
from server.files.places import storage_at
from server.files.spool import FREE_LEAST
from server.lifecycle import backends
from server.log import one_line
from server.postgres.pool import connect, settled
from server.settings import (
    EVERY_KOREAN_MOBILE,
    Place,
    is_loopback,
    read_admin_addresses,
    read_files_url,
    read_test_phone_prefix,
)

OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 160000
FEWEST_FILES = 10_000
WITHIN = 10.0
LOCAL, STATE, INODE = 1, 3, 9  # columns of Linux's tables of connections
LISTEN = "0A"

FACTS = """
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::integer AS number,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       pg_encoding_to_char(encoding) AS encoding
FROM pg_database WHERE datname = current_database()"""


class Finding(NamedTuple):
    """One thing that was looked at. ``remedy`` is empty when it is in order."""

    subject: str
    text: str
    remedy: str = ""


def add_arguments(parser: ArgumentParser) -> None:
    """Where the server is to listen."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)


def run(arguments: Namespace) -> int:
    """Print a line for each finding; 1 when something is to be mended."""
    place = place_of(arguments)
    findings = [
        check_python(sys.version_info[:2]),
        check_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        check_port(arguments.host, arguments.port, server=serving_process(place.data)),
        *_backends(place),
        check_storage(place.data, read_files_url(os.environ)),
        check_test_phones(read_test_phone_prefix(os.environ)),
        *check_admins(arguments.host, read_admin_addresses(os.environ)),
    ]
    for finding in findings:
        verdict, remedy = ("wrong", f": {finding.remedy}") if finding.remedy else ("ok", "")
        sys.stdout.write(f"{verdict:<6}{finding.subject:<11}{finding.text}{remedy}\n")
    return int(any(finding.remedy for finding in findings))


def check_test_phones(prefix: str) -> Finding:
    """Whom the selection of broadcasts takes for test accounts."""
    if not prefix:
        return Finding("testers", "accounts are test accounts by their flag alone")
    if prefix == EVERY_KOREAN_MOBILE:
        text = f"{prefix}: every Korean mobile number in this form counts as a test account's"
        return Finding("testers", f"{text}; MADANG_TEST_PHONE_PREFIX= counts none")
    return Finding("testers", f"phones that begin with {prefix} are those of test accounts")


def check_admins(host: str, networks: Sequence[IPv4Network | IPv6Network]) -> list[Finding]:
    """Where others can reach the server, not all of them may try an admin's token."""
    if is_loopback(host):
        return []
    old = collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
    new = collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
    everybody = [text for text in map(str, (*old, *new)) if text.endswith("/0")]
    remedy = "name the networks that admins are in in MADANG_ADMIN_ADDRESSES"
    text = f"may act from anywhere ({', '.join(everybody)}), and {host} can be reached by others"
    return [Finding("admins", text, remedy)] if everybody else []


def check_python(version: tuple[int, int]) -> Finding:
    """Python is new enough."""
    remedy = "" if version >= OLDEST_PYTHON else "install Python 3.11 or later"
    return Finding("python", ".".join(map(str, version)), remedy)


def check_files(limit: int) -> Finding:
    """Enough files may be open: a connection is one."""
    enough = limit == resource.RLIM_INFINITY or limit >= FEWEST_FILES
    remedy = "raise it, by `ulimit -Hn 65536` as root or LimitNOFILE= of a systemd service"
    return Finding("files", f"at most {limit} open at once", "" if enough else remedy)


def check_port(host: str, port: int, *, server: int | None) -> Finding:
    """Nobody listens there but perhaps our own *server*."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if server is not None and _listens(server, port):
            return Finding("port", f"{host}:{port} process {server} serves here already")
        remedy = "choose another with --port, or stop what listens there"
        return Finding("port", f"{host}:{port} {error.strerror}", remedy)
    return Finding("port", f"{host}:{port} is free")


def _listens(process: int, port: int) -> bool:
    """Whether *process* has a socket that listens on *port*; not where we may not look."""
    with suppress(OSError):
        rows = [line.split() for line in _connections(process)]
        listening = {
            f"socket:[{row[INODE]}]"
            for row in rows
            if row[STATE] == LISTEN and int(row[LOCAL].rpartition(":")[2], 16) == port
        }
        return not listening.isdisjoint(_open_files(process))
    return False


def _connections(process: int) -> Iterator[str]:
    for table in Path(f"/proc/{process}/net").glob("tcp*"):
        yield from table.read_text(encoding="ascii").splitlines()[1:]


def _open_files(process: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed by now
            yield str(descriptor.readlink())


def check_database(facts: Mapping[str, Any]) -> list[Finding]:
    """The database is new enough, speaks UTF-8 and loses nothing."""
    older = "" if facts["number"] >= OLDEST_POSTGRES else "use PostgreSQL 16 or later"
    other = "make the database anew with ENCODING 'UTF8'" if facts["encoding"] != "UTF8" else ""
    lossy = "set fsync and synchronous_commit to on: acknowledged messages must last"
    durable = facts["fsync"] == "on" and facts["synchronous_commit"] != "off"
    return [
        Finding("database", f"PostgreSQL {facts['version']}", older),
        Finding("encoding", facts["encoding"], other),
        Finding("durable", "yes" if durable else "no", "" if durable else lossy),
    ]


def check_storage(data: Path, url: str | None) -> Finding:
    """Files can be kept, and there is room for them."""
    if url is None and not data.is_dir():
        return Finding("storage", f"none yet in {data.absolute()}")
    try:
        trio.run(storage_at(data, url).probe)
    except (StoreUnavailable, BadSetting) as error:
        remedy = "let this user write there, or correct MADANG_FILES_URL and its keys"
        return Finding("storage", one_line(str(error)), remedy)
    if url is not None:
        return Finding("storage", "keeps files in S3")
    free = shutil.disk_usage(data).free
    remedy = "make room: uploads are refused" if free < FREE_LEAST else ""
    return Finding("storage", f"{free // 2**20} MiB free for files", remedy)


def _backends(place: Place) -> list[Finding]:
    """Whether they run; where there is no data yet, on a folder that is gone afterwards."""
    if place.database_url is None and not holds_data(place.data):
        with tempfile.TemporaryDirectory(prefix="madang-doctor-") as folder:
            Path(folder).chmod(0o711)
            tried = _running(place._replace(data=Path(folder)))
        text = f"none yet in {place.data.absolute()}; `madang serve` makes it"
        return [Finding("data", text), *tried]
    return _running(place)


def _running(place: Place) -> list[Finding]:
    try:
        with backends(*place, role="command") as running:
            return [*trio.run(_database, running.database_url), _redis(running.redis_url)]
    except CannotRun as error:
        return [Finding("data", str(error), "mend that first")]


def _redis(url: str) -> Finding:
    try:
        with redis.Redis.from_url(url, socket_timeout=WITHIN) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        return Finding("redis", one_line(str(error)), "start it, or correct MADANG_REDIS_URL")
    return Finding("redis", "answers")


async def _database(url: str) -> list[Finding]:
    try:
        async with trio_asyncio.open_loop() as loop:
            return await _asked(loop, url)
    except* (StoreUnavailable, asyncpg.PostgresError) as group:
        said = one_line(str(first_cause(group)))
    return [Finding("database", said, "start it, or correct MADANG_DATABASE_URL")]


async def _asked(loop: trio_asyncio.BaseTrioEventLoop, url: str) -> list[Finding]:
    connection = await connect(url, loop)
    try:
        return check_database(await settled(loop, connection.fetchrow, FACTS, within=WITHIN))
    finally:
        connection.terminate()
