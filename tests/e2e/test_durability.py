"""Nothing acknowledged is lost: the server is killed in the middle of pipelined sends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgpack
import pytest
from running_server import REPOSITORY, Person, RunningServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

COUNT = 1000
TOTAL = 2 * COUNT
CLIENT = Path(__file__).with_name("chat_client.mjs")


class PythonClient(threading.Thread):
    """The same client as chat_client.mjs, on ``websockets`` and ``msgpack``."""

    def __init__(self, server: RunningServer, person: Person, room: str) -> None:
        super().__init__()
        self._server, self._person, self._room = server, person, room
        self.acks: dict[str, int] = {}
        self.seen: list[int] = []
        self.failures: list[object] = []
        self.waiting = {f"py-{n}": f"py 안녕 {n}" for n in range(COUNT)}
        self.go, self.closed = threading.Event(), threading.Event()
        self.unacked_at_close = 0

    def run(self) -> None:
        deadline = time.monotonic() + 60
        while not self._done() and not self.failures and time.monotonic() < deadline:
            try:
                self._converse()
            except (OSError, ConnectionClosed, TimeoutError):
                if not self.closed.is_set():
                    self.unacked_at_close = len(self.waiting)
                    self.closed.set()
                time.sleep(0.1)

    def _done(self) -> bool:
        return len(self.seen) >= TOTAL and not self.waiting

    def _converse(self) -> None:
        kinds: Any = ["madang.v1.msgpack"]
        with connect(self._server.ws, subprotocols=kinds, compression=None) as socket:
            resume = (
                {self._room: self.seen[-1] if self.seen else 0} if self.closed.is_set() else None
            )
            hello = {"t": "hello", "token": self._person.token, "resume": resume}
            socket.send(msgpack.packb(hello))
            while not self._done() and not self.failures:
                self._hear(socket, msgpack.unpackb(socket.recv(timeout=10)))

    def _send_all(self, socket: Any) -> None:
        """All that waits, while the answers are read already."""
        with contextlib.suppress(OSError, ConnectionClosed):
            for client_id, body in list(self.waiting.items()):
                send = {"t": "send", "room": self._room, "id": client_id, "body": body}
                socket.send(msgpack.packb(send))

    def _hear(self, socket: Any, frame: dict[str, Any]) -> None:
        match frame["t"]:
            case "welcome":
                self.go.wait(30)
                threading.Thread(target=self._send_all, args=(socket,)).start()
            case "ack":
                if not self.closed.is_set() and not self.acks:
                    os.kill(self._server.pid, signal.SIGKILL)
                if self.acks.setdefault(frame["id"], frame["seq"]) != frame["seq"]:
                    self.failures.append(frame)
                self.waiting.pop(frame["id"], None)
            case "message":
                self.seen.append(frame["seq"])
            case "error" | "gap":
                self.failures.append(frame)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_kill_9_in_the_middle_of_pipelined_sends_loses_and_doubles_nothing(
    open_folder: Path, node: str, codec: str
) -> None:
    with RunningServer(open_folder / f"killed-{codec}") as server:
        ann, bob = server.sign_up("ann"), server.sign_up("bob")
        room = server.make_room(ann, bob)
        python = PythonClient(server, ann, room)
        arguments = [server.ws, bob.token, room, "js", str(COUNT), codec, str(TOTAL)]
        javascript = subprocess.Popen(
            [node, str(CLIENT), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert javascript.stdout is not None
        python.start()
        try:
            unacked = kill_in_the_middle(server, javascript, python)
            assert min(unacked) >= 100, f"the kill came too late to prove anything: {unacked}"
            server.start()
            python.join(70)
            *_, last = javascript.stdout.read().splitlines()
        finally:
            javascript.kill()
            javascript.communicate()
        check(server, ann, room, python, json.loads(last))
        told = madang("unread", "verify", "--data", str(server.data))
        assert told.endswith("memberships, 0 drifted\n")


def madang(*arguments: str) -> str:
    """What the command prints; it must succeed."""
    command = [sys.executable, "-m", "server", *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    return done.stdout


def kill_in_the_middle(
    server: RunningServer, javascript: subprocess.Popen[str], python: PythonClient
) -> tuple[int, int]:
    """Kill at the first acknowledgement of either; how many each still waited for."""
    assert javascript.stdin is not None and javascript.stdout is not None
    assert javascript.stdout.readline() == "welcome\n"
    python.go.set()
    javascript.stdin.write("go\n")
    javascript.stdin.flush()
    at_close = javascript.stdout.readline().split()
    server.kill()  # it is dead already, or JavaScript was first
    if at_close[1] == "1":
        at_close = javascript.stdout.readline().split()
    assert python.closed.wait(10)
    return python.unacked_at_close, int(at_close[3])


def check(
    server: RunningServer, ann: Person, room: str, python: PythonClient, javascript: dict[str, Any]
) -> None:
    assert not python.failures
    stored = server.messages(ann, room)
    assert [event["seq"] for event in stored] == list(range(1, TOTAL + 1))
    assert python.seen == javascript["seen"] == list(range(1, TOTAL + 1))
    bodies = {event["seq"]: event["body"] for event in stored}
    assert len(set(bodies.values())) == TOTAL
    for prefix, acks in (("py", python.acks), ("js", javascript["acks"])):
        assert len(acks) == COUNT
        for client_id, seq in acks.items():
            assert bodies[seq] == f"{prefix} 안녕 {client_id.split('-')[1]}"


def test_a_graceful_stop_answers_every_send_and_says_goodbye(open_folder: Path) -> None:
    with RunningServer(open_folder / "stopped") as server:
        ann = server.sign_up("ann")
        room = server.make_room(ann)
        kinds: Any = ["madang.v1.json"]
        with connect(server.ws, subprotocols=kinds) as socket:
            socket.send(json.dumps({"t": "hello", "token": ann.token}))
            assert json.loads(socket.recv(timeout=5))["t"] == "welcome"
            for n in range(300):
                socket.send(json.dumps({"t": "send", "room": room, "id": str(n), "body": "x"}))
            began = time.monotonic()
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            frames = [json.loads(text) for text in socket]
            stopping.join()
        assert time.monotonic() - began < 5
        assert socket.close_code == 1001
        assert frames[-1]["t"] == "goodbye" and frames[-1]["code"] == 1001
        answered = {frame["id"]: frame["seq"] for frame in frames if frame["t"] == "ack"}
        server.start()
        stored = [event["seq"] for event in server.messages(ann, room)]
        assert sorted(answered.values()) == stored
        assert "correct horse" not in server.log() and ann.token not in server.log()
