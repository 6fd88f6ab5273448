"""What the Python client asks of broadcasts, of the real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from recordings import recorded
from running_server import RunningServer

from protocol.client import RequestError, open_client


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "sdk-broadcasts") as running:
        yield running


async def frame(events: AsyncIterator[Any], holds: Callable[[Any], bool]) -> Any:
    async for event in events:
        if holds(event):
            return event
    raise AssertionError("the client ended")


async def test_a_program_sends_a_broadcast_and_another_answers(server: RunningServer) -> None:
    ann, bob = server.sign_up("ann-sends"), server.sign_up("bob-hears")
    with trio.fail_after(90):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token) as two,
        ):
            await two.change_me(phone="010-3333-0001")
            made = await one.send_broadcast(recorded(1.5), 100, key="once")
            again = await one.send_broadcast(recorded(1.5), 100, key="once")
            assert (made.id, made.recipient_count) == (again.id, 100)
            told = await frame(aiter(two), lambda event: event.t == "broadcast")
            assert (told.id, told.change, told.sender) == (made.id, "received", ann.id)
            [received] = (await two.received_broadcasts(limit=5))["items"]
            assert (received.id, received.status) == (made.id, "delivered")
            await two.read_broadcast(made.id)
            said = await two.reply_to_broadcast(made.id, "안녕", id="reply-1")
            assert (await two.reply_to_broadcast(made.id, "안녕", id="reply-1")).seq == said.seq
            shown = await one.show_broadcast(made.id)
            assert (shown.counts["read"], shown.counts["replied"]) == (1, 1)
            assert [each.id for each in (await one.broadcasts())["items"]] == [made.id]
            for call in (one.cancel_broadcast(made.id), one.explain_broadcast(made.id)):
                with pytest.raises(RequestError) as info:
                    await call
                assert info.value.code in ("conflict", "forbidden")
            with pytest.raises(RequestError) as info:
                await one.send_broadcast(recorded(0.5), 5)
            assert (info.value.code, list(info.value.fields)) == ("invalid", ["audio"])


async def test_a_program_says_what_was_seen(server: RunningServer) -> None:
    cem, dia = server.sign_up("cem-sends"), server.sign_up("dia-is-away")
    server.call("PATCH", "/api/v1/me", {"phone": "010-3333-0002"}, token=dia.token)
    with trio.fail_after(90):
        async with open_client(server.url, cem.token, listen=False) as one:
            made = await one.send_broadcast(recorded(1.5), 100)
            while (await one.show_broadcast(made.id)).status != "delivered":  # noqa: ASYNC110
                await trio.sleep(0.1)
        async with open_client(server.url, dia.token) as two:
            shown = await frame(aiter(two), lambda event: event.t == "notification")
            assert shown.data == {"broadcast": made.id}
            await two.seen(shown.id)
        async with open_client(server.url, dia.token) as two:
            with trio.move_on_after(1) as quiet:
                await frame(aiter(two), lambda event: event.t == "notification")
            assert quiet.cancelled_caught
