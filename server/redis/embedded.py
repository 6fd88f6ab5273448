"""Redis (Valkey) as a child process: unix socket only, nothing kept on disk, gone when we are."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from urllib.parse import quote

from server.child import Child
from server.data_folder import DataFolder
from server.programs import Programs

START_WITHIN = 20.0


def launch_redis(folder: DataFolder, programs: Programs) -> Child:
    """Start Valkey on a socket in the folder."""
    path = _socket_of(folder)
    path.unlink(missing_ok=True)
    where = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    keep_nothing = ["--save", "", "--appendonly", "no", "--dir", "/", "--loglevel", "warning"]
    return Child(
        "Redis",
        [programs.valkey, *where, *keep_nothing],
        run_as=folder.run_as,
        log=folder.path / "redis.log",
        death_signal=signal.SIGKILL,
    )


def await_redis(child: Child, folder: DataFolder) -> str:
    """Wait until *child* answers; return its address."""
    path = _socket_of(folder)
    child.wait_until(lambda: _answers(path), within=START_WITHIN)
    return f"unix://{quote(str(path))}?db=0"


def _socket_of(folder: DataFolder) -> Path:
    return folder.sockets / "redis.sock"


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16) == b"+PONG\r\n"
    except OSError:
        return False
