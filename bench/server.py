"""A server to measure, with people in it, on data of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

UNLIMITED = {"MADANG_RATE_PER_CONNECTION": "0", "MADANG_RATE_PER_USER": "0"}


class Measured(NamedTuple):
    """Where it listens, its process, and its people."""

    host: str
    port: int
    pid: int
    people: list[dict[str, Any]]


@contextmanager
def measured_server(*, users: int, rooms: int, size: int) -> Iterator[Measured]:
    """A fresh server whose rate limits are off (said so in the report), with a fixture."""
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder:
        Path(folder).chmod(0o755)
        data = ["--data", f"{folder}/data"]
        command = [sys.executable, "-m", "server"]
        server = subprocess.Popen(
            [*command, "serve", "--port", "0", *data],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | UNLIMITED | {"MADANG_LOG_LEVEL": "WARNING"},
        )
        assert server.stdout is not None
        try:
            address = urlsplit(server.stdout.readline().split()[1])
            out = Path(folder, "people.jsonl")
            amounts = [f"--users={users}", f"--rooms={rooms}", f"--size={size}"]
            subprocess.run([*command, "fixture", *amounts, "--out", out, *data], check=True)
            people = [json.loads(line) for line in out.read_text().splitlines()]
            yield Measured(address.hostname or "", address.port or 0, server.pid, people)
        finally:
            server.terminate()
            server.wait(20)
            server.stdout.close()
