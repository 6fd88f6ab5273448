"""A real server in a process of its own, and the people in it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).parents[2]


class Person(NamedTuple):
    id: str
    username: str
    token: str


class RunningServer:
    """Starts ``madang serve`` on *data*; the port stays the same over restarts."""

    def __init__(self, data: Path, **environ: str) -> None:
        self.data = data
        self._environ = os.environ | environ
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws = f"ws://127.0.0.1:{self.port}/ws"
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RunningServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def start(self) -> None:
        log = (self.data.parent / f"{self.data.name}.log").open("a")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "server",
                "serve",
                "--port",
                str(self.port),
                "--data",
                str(self.data),
            ],
            cwd=REPOSITORY,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"ready {self.url}\n", self.log()

    def stop(self) -> int:
        return self.signal(signal.SIGTERM)

    def kill(self) -> int:
        return self.signal(signal.SIGKILL)

    def signal(self, number: int) -> int:
        assert self.process is not None and self.process.stdout is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=15)
        self.process.stdout.close()
        return code

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        return (self.data.parent / f"{self.data.name}.log").read_text()

    def call(
        self, method: str, path: str, body: object = None, *, token: str = "", **headers: str
    ) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {token}"}
            | headers,
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read() or b"null")

    def sign_up(self, username: str) -> Person:
        made = self.call(
            "POST", "/api/v1/users", {"username": username, "password": "correct horse"}
        )
        return Person(made["user"]["id"], username, made["token"])

    def make_room(self, owner: Person, *others: Person) -> str:
        body = {"type": "team", "name": "room", "members": [other.id for other in others]}
        return str(self.call("POST", "/api/v1/chats/rooms", body, token=owner.token)["id"])

    def messages(self, person: Person, room: str) -> list[Mapping[str, Any]]:
        """The whole room, page by page."""
        events: list[Mapping[str, Any]] = []
        while True:
            after = events[-1]["seq"] if events else 0
            path = f"/api/v1/chats/rooms/{room}/messages?after={after}&limit=200"
            page = self.call("GET", path, token=person.token)
            events += page["items"]
            if "next" not in page:
                return events
