"""A server with a provider of messages on loopback, and with many people: for the console."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from people import Person, ask

from server import lifecycle
from tests.conftest import execute

ROOT = Path(__file__).parents[2]
PEOPLE = """
INSERT INTO users (user_id, username, birth_date, region, phone, is_test)
SELECT '{region}-' || n, '{region}-' || n, date '1990-01-01' + n % 300, '{region}',
    '+8210' || to_char({first} + n, 'FM00000000'), n % 2 = 0
FROM generate_series(1, {count}) AS n"""


class Provider(ThreadingHTTPServer):
    """Takes messages, but for those to phones that end in a digit of ``refused``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Messages)
        self.refused = ""
        self.taken: list[str] = []


class Messages(BaseHTTPRequestHandler):
    """One connection."""

    server: Provider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if message["to"].endswith(tuple(self.server.refused)):
            return self._answer(422, {})
        self.server.taken.append(message["to"])
        return self._answer(200, {"id": f"provider-{message['id']}"})

    def _answer(self, status: int, answer: dict[str, str]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class CampaignServer(NamedTuple):
    """A running server, its data, and the provider that it sends by."""

    address: str
    data: Path
    provider: Provider

    def admin(self, username: str, *, name: str = "관리") -> Person:
        """A new admin who is signed in."""
        person = self.person(username, name=name)
        command = [sys.executable, "-m", "server", "admin", "grant", username]
        subprocess.run([*command, "--data", str(self.data)], cwd=ROOT, check=True)
        body = {"username": username, "password": person.password}
        person.session.update(ask(self.address, "POST", "/auth/token", body))
        return person

    def person(self, username: str, *, name: str = "") -> Person:
        """Somebody new who is signed in."""
        password = "a courtyard in spring"
        body = {"username": username, "password": password, "name": name}
        session = ask(self.address, "POST", "/users", body)
        return Person(self.address, session["user"]["id"], username, name, password, session)


@contextmanager
def campaign_server(
    folder: Path, people: dict[str, int], *, rate: int, **environ: str
) -> Iterator[CampaignServer]:
    """A server whose provider takes *rate* messages a second; *people* says how many by region."""
    provider = Provider()
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MADANG_")}
    set_here = {
        "MADANG_MESSAGE_API_URL": f"http://127.0.0.1:{provider.server_port}",
        "MADANG_MESSAGE_API_KEY": "a-key-of-the-provider",
        "MADANG_MESSAGE_API_RATE": str(rate),
        "MADANG_MESSAGE_COST": "9.9",
        "MADANG_PRIVATE_ADDRESSES": "1",
    }
    command = [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--port", "0"]
    with (folder.parent / f"{folder.name}.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--data", str(folder)],
            cwd=ROOT,
            env=plain | set_here | environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert server.stdout is not None
    try:
        ready = next((line for line in server.stdout if line.startswith("ready ")), "")
        assert ready, (folder.parent / f"{folder.name}.log").read_text()[-3000:]
        settle(folder, people)
        yield CampaignServer(ready.split()[1], folder, provider)
    finally:
        server.terminate()
        server.communicate(timeout=30)
        provider.shutdown()
        provider.server_close()


def settle(folder: Path, people: dict[str, int]) -> None:
    """Have these people, who are in their thirties, in the database of the running server."""
    backends = lifecycle.backends(folder, None, None, role="command")
    with (
        backends as running,
        ThreadPoolExecutor(1) as aside,
    ):  # in this thread playwright has a loop
        first = 0
        for region, count in people.items():
            sql = PEOPLE.format(region=region, first=first, count=count)
            aside.submit(execute, running.database_url, sql).result()
            first += count
