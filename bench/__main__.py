"""``python -m bench [idle|room] …``: what an idle connection costs, and a room of many under load.

A run that lost, doubled or reordered a message prints FAIL and exits 1, however fast it was.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

from bench.clients import Client, look_once, poll, resident_kib
from bench.server import Measured, measured_server

OUTSTANDING = 16
ANSWER_EVERY = 250  # connects: those that are up already must answer pings meanwhile


def idle(arguments: argparse.Namespace) -> bool:
    """*users* authenticated connections of distinct users that stay up for *seconds*."""
    with measured_server(users=arguments.users, rooms=arguments.users // 2, size=2) as server:
        clients = [_connect(server, 0)]
        before = resident_kib(server.pid)
        began = time.perf_counter()
        for number in range(1, arguments.users):
            clients.append(_connect(server, number))
            if number % ANSWER_EVERY == 0:
                look_once(clients)
        took = time.perf_counter() - began
        end = time.monotonic() + arguments.seconds
        poll(clients, lambda *_: None, lambda: time.monotonic() > end)
        each = (resident_kib(server.pid) - before) / (arguments.users - 1)
    print(f"connects/s, one after another   {(arguments.users - 1) / took:8.0f}")
    print(f"KiB resident per connection     {each:8.2f}   (limit {arguments.kib})")
    return bool(each < arguments.kib)


def room(arguments: argparse.Namespace) -> bool:
    """One sender keeps 16 messages outstanding in a room of *users*; all must see all in order."""
    total = arguments.messages
    with measured_server(users=arguments.users, rooms=1, size=arguments.users) as server:
        clients = [_connect(server, n) for n in range(arguments.users)]
        sender, name = clients[0], server.people[0]["rooms"][0]
        began = time.perf_counter()
        state = {"sent": 0, "acked": 0, "done": 0}

        def send() -> None:
            state["sent"] += 1
            sender.send({"t": "send", "room": name, "id": str(state["sent"]), "body": "x" * 120})

        def each(client: Client, payload: bytes) -> None:
            if payload[5:9] == b"\xa3ack" or b"\xa1t\xa3ack" in payload[:12]:
                state["acked"] += 1
                if state["sent"] < total:
                    send()
            elif b"\xa7message" in payload[:12]:
                client.seqs.append(_seq(payload))
                if len(client.seqs) == total:
                    state["done"] += 1

        for _ in range(OUTSTANDING):
            send()
        deadline = time.monotonic() + arguments.seconds
        finished = lambda: state["done"] == len(clients) or time.monotonic() > deadline  # noqa: E731
        poll(clients, each, finished)
        took = time.perf_counter() - began
        right = sum(client.seqs == list(range(1, total + 1)) for client in clients)
    print(f"messages/s                      {total / took:10.0f}")
    print(f"deliveries/s                    {total * len(clients) / took:10.0f}")
    print(f"clients with seqs 1..{total} in order   {right} of {len(clients)}")
    return right == len(clients)


def _seq(payload: bytes) -> int:
    at = payload.index(b"\xa3seq") + 4
    first = payload[at]
    if first < 0x80:
        return first
    return int.from_bytes(payload[at + 1 : at + 1 + (1 << (first - 0xCC))], "big")


def _connect(server: Measured, number: int) -> Client:
    client = Client(server.host, server.port, server.people[number]["token"])
    client.hello()
    return client


def main() -> int:
    """Run one measurement, or both; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["idle", "room", "all"], default="all")
    parser.add_argument("--users", type=int, help="connections (idle 5000, room 1000)")
    parser.add_argument("--seconds", type=int, help="idle: how long they stay up (180)")
    parser.add_argument("--messages", type=int, default=20_000, help="room: messages")
    parser.add_argument("--kib", type=float, default=12.0, help="idle: most a connection may cost")
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    good = True
    for what, run, users, seconds in (("idle", idle, 5000, 180), ("room", room, 1000, 900)):
        if given.what in (what, "all"):
            values = {"users": given.users or users, "seconds": given.seconds or seconds}
            passed = run(argparse.Namespace(**(vars(given) | values)))
            print(f"{what}: {'ok' if passed else 'FAIL'} (rate limits off)\n")
            good = good and passed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
