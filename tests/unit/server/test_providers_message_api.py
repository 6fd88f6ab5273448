"""The client of the message API, against a real server that does what it should not."""

from __future__ import annotations

import json
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from provider_server import Exchange, Play, ProviderServer, serving

from actors.message_records import Outcome, OutgoingMessage
from protocol.ids import Millis
from server.providers.addresses import GuardedBackend, Resolve, resolve
from server.providers.endpoints import read_endpoint
from server.providers.message_api import MessageApi
from server.providers.posting import LONGEST_ANSWER, Deadlines, Poster

PHONE, TEXT, KEY = "+821098765432", "쿠폰이 발급되었습니다", "k3y-of-the-provider"
SHORT, PATIENT = Deadlines(leaving=0.5, answer=0.5), Deadlines(leaving=20, answer=20)
NOW_MS = 784_111_767_000  # ten seconds before the date of RFC 9110


class StoppedClock:
    def now_ms(self) -> Millis:
        return Millis(NOW_MS)


@asynccontextmanager
async def client(
    port: int,
    *,
    idempotent: bool = False,
    deadlines: Deadlines = PATIENT,
    connections: int = 50,
    resolve: Resolve = resolve,
    scheme: str = "http",
) -> AsyncIterator[MessageApi]:
    base = read_endpoint(f"{scheme}://127.0.0.1:{port}/v1", private=True)
    poster = Poster(
        GuardedBackend(private=True, resolve=resolve),
        tls=ssl.create_default_context(),
        connections=connections,
        deadlines=deadlines,
    )
    try:
        yield MessageApi(poster, base, KEY, idempotent=idempotent, clock=StoppedClock())
    finally:
        await poster.aclose()


def message(number: int = 1) -> OutgoingMessage:
    return OutgoingMessage(id=f"job:{number}", to=PHONE, body=TEXT, advertising=True)


async def outcome_of(
    play: Play, *, idempotent: bool = False, deadlines: Deadlines = PATIENT
) -> tuple[Outcome, ProviderServer]:
    async with (
        serving(play) as server,
        client(server.port, idempotent=idempotent, deadlines=deadlines) as api,
    ):
        with trio.fail_after(5 + sum(deadlines)):
            return await api.send(message()), server


async def assert_unknown(play: Play, reason: str, *, deadlines: Deadlines = PATIENT) -> None:
    """Unknown for a provider that promised nothing, again for one that knows its messages."""
    for idempotent, kind in ((False, "unknown"), (True, "again")):
        outcome, server = await outcome_of(play, idempotent=idempotent, deadlines=deadlines)
        assert outcome == Outcome(kind=kind, reason=reason, may_be_sent=idempotent)
        assert server.connections == 1


# ---- what is answered


async def test_a_message_goes_out_as_the_wire_has_it() -> None:
    async def play(exchange: Exchange) -> bool:
        return bool(await exchange.request()) and await exchange.accept("provider-7")

    outcome, server = await outcome_of(play)
    assert outcome == Outcome(kind="sent", provider_id="provider-7")
    (received,) = server.received
    assert received.target == "/v1/messages"
    assert received.headers["host"] == f"127.0.0.1:{server.port}"
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["idempotency-key"] == "job:1"
    assert received.headers["content-type"] == "application/json"
    assert received.json() == {"id": "job:1", "to": PHONE, "body": TEXT, "advertising": True}


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        (400, None, Outcome(kind="refused", reason="provider_refused")),
        (401, None, Outcome(kind="again", reason="not_authorized")),
        (403, None, Outcome(kind="refused", reason="not_authorized")),
        (404, None, Outcome(kind="refused", reason="provider_refused")),
        (422, "5", Outcome(kind="refused", reason="provider_refused")),
        (408, None, Outcome(kind="again", reason="provider_error")),
        (425, None, Outcome(kind="again", reason="provider_error")),
        (429, None, Outcome(kind="again", reason="limited")),
        (429, "7", Outcome(kind="again", reason="limited", retry_after_ms=7000)),
        (429, "0", Outcome(kind="again", reason="limited", retry_after_ms=0)),
        (
            429,
            "Sun, 06 Nov 1994 08:49:37 GMT",
            Outcome(kind="again", reason="limited", retry_after_ms=10_000),
        ),
        (
            429,
            "Sunday, 06-Nov-94 08:49:37 GMT",
            Outcome(kind="again", reason="limited", retry_after_ms=10_000),
        ),
        (
            429,
            "Sun, 06 Nov 1994 08:00:00 GMT",
            Outcome(kind="again", reason="limited", retry_after_ms=0),
        ),
        (429, "9" * 40, Outcome(kind="again", reason="limited", retry_after_ms=86_400_000)),
        (429, "-3", Outcome(kind="again", reason="limited")),
        (429, "soon", Outcome(kind="again", reason="limited")),
        (503, "2", Outcome(kind="again", reason="provider_error", retry_after_ms=2000)),
        # What services say that fell ill after they took it, and gateways that did not hear of it.
        *(
            (status, "2", Outcome(kind="unknown", reason="provider_error"))
            for status in (500, 501, 502, 504, 507, 520, 522, 524, 598, 599)
        ),
    ],
)
async def test_each_status_has_its_outcome(
    status: int, asked: str | None, expected: Outcome
) -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        headers = [("Retry-After", asked)] if asked else []
        return await exchange.answer(status, f'{{"error": "{PHONE}"}}'.encode(), headers)

    outcome, server = await outcome_of(play)
    assert outcome == expected
    assert PHONE not in repr(outcome)
    assert len(server.received) == 1


async def test_a_provider_that_knows_its_messages_is_asked_again_after_any_fault_of_its_own() -> (
    None
):
    for status in (500, 502, 504, 524):

        async def play(exchange: Exchange, status: int = status) -> bool:
            await exchange.request()
            return await exchange.answer(status, b"", [("Retry-After", "2")])

        outcome, _ = await outcome_of(play, idempotent=True)
        assert outcome == Outcome(
            kind="again", reason="provider_error", retry_after_ms=2000, may_be_sent=True
        )


@pytest.mark.parametrize(("status", "kind"), [(307, "again"), (308, "again"), (302, "unknown")])
async def test_no_redirect_is_followed(status: int, kind: str) -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        return await exchange.answer(status, b"", [("Location", "/v1/elsewhere")])

    outcome, server = await outcome_of(play)
    assert outcome.kind == kind
    assert [each.target for each in server.received] == ["/v1/messages"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"[]",
        b'{"id": 5}',
        b'{"id": "x',
        b'{"id": "\xff"}',
        json.dumps({"id": "x", "more": "y" * LONGEST_ANSWER}).encode(),
        b"[" * LONGEST_ANSWER,
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_a_success_that_cannot_be_read_may_be_one(body: bytes) -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        return await exchange.answer(200, body)

    await assert_unknown(play, "bad_answer")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("SM9f-8_a.b:c", True),
        ("12345678901234567890", True),
        ("x" * 200, True),
        ("x" * 201, False),
        ("", False),
        ("a\0b", False),
        ("a\nb", False),
        ("a\n", False),
        ("\ud7ff\U0001f600", False),
        ("١٢٣", False),
        ("=1+2", False),
        ("-1", False),
        ("kim@example.org", False),
        (PHONE, False),
        (PHONE[1:], False),
        ("010-9876-5432", False),
        ("01098765432:1", False),
    ],
)
async def test_an_id_that_is_none_is_not_kept_but_the_message_is_sent(
    said: str, kept: bool
) -> None:
    async def play(exchange: Exchange) -> bool:
        return bool(await exchange.request()) and await exchange.accept(said)

    outcome, _ = await outcome_of(play)
    assert outcome == Outcome(kind="sent", provider_id=said if kept else None)


async def test_an_answer_without_end_is_not_read_to_the_end() -> None:
    sent = 0

    async def play(exchange: Exchange) -> bool:
        nonlocal sent
        await exchange.request()
        await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.raw(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
            sent += 0x4000

    outcome, _ = await outcome_of(play)
    assert outcome == Outcome(kind="unknown", reason="bad_answer")
    assert sent < 20 * 2**20  # what kernels hold between the two, and not twenty seconds' worth


# ---- what is not answered, or not to its end


async def test_silence_is_not_waited_for_longer_than_the_deadline() -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        await trio.sleep_forever()
        return False

    began = trio.current_time()
    await assert_unknown(play, "no_answer", deadlines=SHORT)
    assert trio.current_time() - began > 2 * SHORT.answer * 0.9  # two attempts


async def test_a_success_that_never_comes_to_its_end_may_be_one() -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        await exchange.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"id":')
        await trio.sleep_forever()
        return False

    await assert_unknown(play, "bad_answer", deadlines=SHORT)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
async def test_drops_that_go_on_for_ever_are_cut_by_the_same_deadline(head: bytes) -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        await exchange.raw(head or b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            await exchange.raw(b"x")
            await trio.sleep(0.02)

    await assert_unknown(play, "bad_answer" if head else "no_answer", deadlines=SHORT)


async def test_a_status_that_says_no_is_believed_without_its_body() -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        await exchange.raw(b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 9\r\n\r\n")
        return False

    outcome, _ = await outcome_of(play)
    assert outcome == Outcome(kind="again", reason="limited", retry_after_ms=3000)


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize("read", ["nothing", "head", "all"])
async def test_a_cut_line_leaves_it_open_and_is_not_tried_again(how: str, read: str) -> None:
    async def play(exchange: Exchange) -> bool:
        if read == "head":
            await exchange.head()
        if read == "all":
            await exchange.request()
        if read == "nothing":
            await trio.sleep(0.1)  # the request lies in the kernel
        return await exchange.reset() if how == "reset" else False

    await assert_unknown(play, "no_answer")


@pytest.mark.parametrize(
    "answer",
    [
        b"\x16\x03\x01 no HTTP at all\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000,
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["no HTTP", "no number", "no length", "no end", "another protocol"],
)
async def test_an_answer_that_is_none_leaves_it_open(answer: bytes) -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        await exchange.raw(answer)
        return False

    await assert_unknown(play, "no_answer")


@pytest.mark.parametrize("end", [b"zz\r\n", b"ff\r\n{"], ids=["no chunk", "half a chunk"])
async def test_a_body_that_is_none_leaves_it_open(end: bytes) -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + end)
        return False

    await assert_unknown(play, "bad_answer")


# ---- what never left


async def test_a_refused_connection_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with client(port) as api:
        assert await api.send(message()) == Outcome(kind="again", reason="not_connected")


@pytest.mark.parametrize("error", [socket.gaierror("no such name"), UnicodeError("too long")])
async def test_a_name_that_does_not_resolve_is_tried_again(error: Exception) -> None:
    async def nowhere(_host: str, _port: int) -> Sequence[str]:
        raise error

    async with client(1, resolve=nowhere) as api:
        assert await api.send(message()) == Outcome(kind="again", reason="not_connected")


async def test_a_resolver_that_hangs_is_cut_by_the_deadline() -> None:
    async def for_ever(_host: str, _port: int) -> Sequence[str]:
        await trio.sleep_forever()
        return ()

    async with client(1, resolve=for_ever, deadlines=SHORT, connections=1) as api:
        for _ in range(2):  # and the only connection is free again
            assert await api.send(message()) == Outcome(kind="again", reason="not_connected")


async def test_a_name_of_refused_addresses_is_never_asked() -> None:
    async def link_local(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1", "169.254.169.254"]

    async def play(exchange: Exchange) -> bool:
        return bool(await exchange.request())

    async with serving(play) as server, client(server.port, resolve=link_local) as api:
        assert await api.send(message()) == Outcome(kind="again", reason="address_refused")
        assert server.connections == 0


async def test_a_server_without_tls_gets_nothing_of_the_message() -> None:
    heard = bytearray()

    async def listen(stream: trio.SocketStream) -> None:
        heard.extend(await stream.receive_some())
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, listen, [listener])
        async with client(listener.socket.getsockname()[1], scheme="https") as api:
            assert await api.send(message()) == Outcome(kind="again", reason="not_connected")
        nursery.cancel_scope.cancel()
    assert heard and KEY.encode() not in heard and b"messages" not in heard


async def test_connections_are_bounded_and_who_gets_none_has_sent_nothing() -> None:
    release = trio.Event()

    async def play(exchange: Exchange) -> bool:
        if await exchange.request() is None:
            return False
        await release.wait()
        return await exchange.accept("p")

    outcomes: list[Outcome] = []
    deadlines = Deadlines(leaving=1, answer=20)
    async with (
        serving(play) as server,
        client(server.port, connections=2, deadlines=deadlines) as api,
    ):

        async def send(number: int) -> None:
            outcomes.append(await api.send(message(number)))
            if len(outcomes) == 3:
                release.set()

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(send, number)
        assert server.connections == 2
        assert len(server.received) == 2
    assert sorted(outcome.kind for outcome in outcomes) == ["again"] * 3 + ["sent"] * 2


# ---- connections that are kept


async def test_a_connection_is_kept_after_any_answer_that_came_to_its_end() -> None:
    statuses = iter([200, 429, 500, 400, 200])

    async def play(exchange: Exchange) -> bool:
        return bool(await exchange.request()) and await exchange.answer(
            next(statuses), b'{"id": "p"}'
        )

    async with serving(play) as server, client(server.port) as api:
        for number in range(5):
            await api.send(message(number))
        assert [each.connection for each in server.received] == [1] * 5


async def test_a_kept_connection_that_was_closed_meanwhile_is_not_used() -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        await exchange.accept("p")
        return False

    async with serving(play) as server, client(server.port) as api:
        for number in range(3):
            assert (await api.send(message(number))).kind == "sent"
            await trio.sleep(0.05)  # its end arrives
        assert [each.connection for each in server.received] == [1, 2, 3]


async def test_a_kept_connection_that_ends_with_the_next_request_leaves_that_open() -> None:
    async def play(exchange: Exchange) -> bool:
        if exchange.number == 1 and not first:
            first.append(await exchange.request())
            return await exchange.accept("p")
        await exchange.request()  # accepted, and then the line is cut
        return False

    for idempotent, kind in ((False, "unknown"), (True, "again")):
        first: list[object] = []
        lost = Outcome(kind=kind, reason="no_answer", may_be_sent=idempotent)
        async with (
            serving(play) as server,
            client(server.port, idempotent=idempotent) as api,
        ):
            assert (await api.send(message(1))).kind == "sent"
            assert await api.send(message(2)) == lost
            assert [each.json()["id"] for each in server.received] == ["job:1", "job:2"]


# ---- together


async def test_whatever_the_provider_does_no_message_is_accepted_twice() -> None:
    chance = random.Random(7)  # noqa: S311 - chosen once
    accepted: list[str] = []

    async def play(exchange: Exchange) -> bool:
        received = await exchange.request()
        if received is None:
            return False
        if chance.random() < 0.2:
            return await exchange.answer(503)
        accepted.append(received.json()["id"])
        if chance.random() < 0.1:
            return await exchange.reset()
        return await exchange.accept(f"p-{received.json()['id']}")

    outcomes: dict[int, Outcome] = {}
    async with serving(play) as server, client(server.port, connections=10) as api:

        async def send(number: int) -> None:
            outcome = await api.send(message(number))
            while outcome.kind == "again":
                outcome = await api.send(message(number))
            outcomes[number] = outcome

        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(send, number)
    assert len(accepted) == len(set(accepted)) == 200
    kinds = [outcome.kind for outcome in outcomes.values()]
    assert kinds.count("sent") + kinds.count("unknown") == 200
    assert kinds.count("unknown") > 5
    assert all(
        outcome.provider_id == f"p-job:{number}"
        for number, outcome in outcomes.items()
        if outcome.kind == "sent"
    )


async def test_who_is_cancelled_gives_the_connection_back() -> None:
    async def play(exchange: Exchange) -> bool:
        if await exchange.request() is None:
            return False
        if len(played) < 1:
            played.append(1)
            await trio.sleep_forever()
        return await exchange.accept("p")

    played: list[int] = []
    async with serving(play) as server, client(server.port, connections=1) as api:
        with trio.move_on_after(0.5) as cancelled:
            await api.send(message(1))
        assert cancelled.cancelled_caught
        assert (await api.send(message(2))).kind == "sent"


async def test_neither_phone_nor_text_nor_key_is_in_logs_or_representations(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def play(exchange: Exchange) -> bool:
        received = await exchange.request()
        assert received is not None
        return await exchange.answer(400, received.body)

    with caplog.at_level(logging.DEBUG):
        outcome, _ = await outcome_of(play)
    assert outcome.kind == "refused"
    assert caplog.records  # the library's own
    shown = caplog.text + repr(message()) + repr(outcome)
    assert not any(secret in shown for secret in (PHONE, PHONE[3:], TEXT, KEY))
