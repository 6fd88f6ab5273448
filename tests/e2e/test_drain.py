"""SIGTERM in the middle of HTTP requests."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from running_server import Person, RunningServer
from websockets.sync.client import ClientConnection, connect

REQUESTS = 8  # each takes a part of a second, and the door waits for three


def test_requests_in_flight_are_answered_before_the_server_ends(open_folder: Path) -> None:
    answered: list[str] = []
    with RunningServer(open_folder / "drain") as server:

        def sign_up(number: int) -> None:
            answered.append(server.sign_up(f"user{number}").username)

        threads = [threading.Thread(target=sign_up, args=(n,)) for n in range(REQUESTS)]
        for thread in threads:
            thread.start()
        while not answered:
            time.sleep(0.005)
        assert server.stop() == 0
        for thread in threads:
            thread.join()
    assert len(answered) == REQUESTS


def test_an_upload_that_cannot_be_stored_holds_up_nobody(open_folder: Path) -> None:
    """The store takes what it is told, and never answers."""
    statuses: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(15)
        store = f"s3://chat?endpoint=http://127.0.0.1:{silent.getsockname()[1]}&region=x"
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        data = open_folder / "drain-silent"
        with RunningServer(data, MADANG_FILES_URL=store, **keys) as server:
            ann = server.sign_up("ann")
            uploading = threading.Thread(target=lambda: statuses.append(upload(server, ann)))
            with listening(server, ann) as peer:
                uploading.start()
                with silent.accept()[0]:
                    began = time.monotonic()
                    stopping = threading.Thread(target=server.stop)
                    stopping.start()
                    frames = [json.loads(text) for text in peer]
                    told = time.monotonic() - began
                    stopping.join()
                    ended = time.monotonic() - began
            uploading.join()
            assert frames[-1]["t"] == "goodbye" and statuses == [503]
            assert told < 8 and ended < 14, (told, ended)
            assert not list((data / "uploads").iterdir())


@contextmanager
def listening(server: RunningServer, person: Person) -> Iterator[ClientConnection]:
    kinds: Any = ["madang.v1.json"]
    with connect(server.ws, subprotocols=kinds) as peer:
        peer.send(json.dumps({"t": "hello", "token": person.token}))
        assert json.loads(peer.recv(timeout=5))["t"] == "welcome"
        yield peer


def upload(server: RunningServer, person: Person) -> int:
    request = urllib.request.Request(
        f"{server.url}/api/v1/chats/files",
        data=b"some text",
        headers={"Authorization": f"Bearer {person.token}", "Content-Type": "x/y"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
