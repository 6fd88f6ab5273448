"""The list of peers: what each is, how it is installed and started, and what it needs beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SOURCES = Path(__file__).parent
INSTALLED = SOURCES.parent.parent / ".bench" / "peers"

Tool = Literal["node", "python", "cc"]
Dialect = Literal["raw", "socketio"]
Stores = Literal["nothing", "every message"]
Service = Literal["redis", "postgres"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One peer of the list. ``probe`` is a line of its language that fails where it can't run."""

    name: str
    title: str
    tool: Tool
    folder: str
    package: str = ""
    probe: str = ""
    arguments: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    dialect: Dialect = "raw"
    stores: Stores = "nothing"
    needs: frozenset[Service] = frozenset()

    @property
    def sources(self) -> Path:
        """Where its server, and the lock of what it needs, are checked in."""
        return SOURCES / self.folder

    @property
    def home(self) -> Path:
        """Where what it needs is installed; peers of one folder share it."""
        return INSTALLED / self.folder


ENTRIES = (
    Entry(
        name="node_ws",
        title="Node ws",
        tool="node",
        folder="node_ws",
        package="ws",
        probe="require('ws')",
    ),
    Entry(
        name="node_socketio",
        title="Socket.IO",
        tool="node",
        folder="node_socketio",
        package="socket.io",
        probe="require('socket.io')",
        dialect="socketio",
    ),
    Entry(
        name="uwebsockets",
        title="uWebSockets.js",
        tool="node",
        folder="uwebsockets",
        package="@trufflesuite/uws-js-unofficial",
        # Without a binary for this Node the package falls back to ws, which is another peer.
        probe="require('@trufflesuite/uws-js-unofficial');"
        "if (!Object.keys(require.cache).some((file) => file.endsWith('.node')))"
        "  throw new Error('no binary for Node ' + process.version + ' on ' + process.arch)",
    ),
    Entry(
        name="socketify",
        title="socketify",
        tool="python",
        folder="socketify",
        package="socketify",
        probe="import socketify",
    ),
    Entry(
        name="fastapi_redis",
        title="FastAPI + Redis",
        tool="python",
        folder="fastapi_redis",
        package="fastapi",
        probe="import fastapi, uvicorn, redis",
        needs=frozenset({"redis"}),
    ),
    Entry(
        name="fastapi_redis_stored",
        title="FastAPI + asyncpg + Redis",
        tool="python",
        folder="fastapi_redis",
        package="fastapi",
        probe="import fastapi, uvicorn, redis, asyncpg",
        settings=(("STORE", "1"),),
        stores="every message",
        needs=frozenset({"redis", "postgres"}),
    ),
    Entry(
        name="trio_websocket",
        title="trio-websocket",
        tool="python",
        folder="trio_websocket",
        package="trio-websocket",
        probe="import trio_websocket",
    ),
    Entry(
        name="floor_each",
        title="C, a send() a delivery",
        tool="cc",
        folder="floor",
        arguments=("--each",),
    ),
    Entry(
        name="floor_joined",
        title="C, joined writes",
        tool="cc",
        folder="floor",
        arguments=("--joined",),
    ),
)


def entry_named(name: str) -> Entry:
    """The peer *name*; KeyError when there is none."""
    return {entry.name: entry for entry in ENTRIES}[name]
