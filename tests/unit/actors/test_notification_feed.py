"""Streams of notifications: what each reader gets, and when his stream ends."""

from __future__ import annotations

import pytest
import trio

from actors.notification_feed import FeedStream, NotificationFeed
from protocol.errors import ErrorCode, ProtocolError
from protocol.notices import NotificationGone


def frame(name: str) -> NotificationGone:
    return NotificationGone(ids=[name])


async def told(stream: FeedStream) -> list[str]:
    """All of it, until its end."""
    with trio.fail_after(1):
        return [each.ids[0] async for each in stream]  # type: ignore[union-attr]


async def test_every_stream_of_the_user_has_all_of_it_in_order(autojump_clock):
    feed = NotificationFeed()
    streams = [feed.open(1), feed.open(1)]
    other = feed.open(2)
    for name in ("a", "b"):
        feed.tell(1, frame(name))
    feed.tell(3, frame("nobody is there"))
    feed.end()
    assert [await told(stream) for stream in streams] == [["a", "b"], ["a", "b"]]
    assert await told(other) == []


async def test_a_reader_waits_for_what_comes(autojump_clock, nursery):
    feed = NotificationFeed()
    heard: list[str] = []

    async def read() -> None:
        async with feed.open(1) as stream:
            async for each in stream:
                heard.extend(each.ids)

    nursery.start_soon(read)
    await trio.sleep(1)
    feed.tell(1, frame("a"))
    await trio.sleep(1)
    assert heard == ["a"]
    feed.restart()
    await trio.sleep(1)
    assert feed.count == 0


async def test_who_is_too_slow_keeps_what_he_has_and_comes_again(autojump_clock):
    feed = NotificationFeed()
    slow, quick = feed.open(1), feed.open(1)
    for number in range(feed.WAITING + 1):
        feed.tell(1, frame(str(number)))
        await quick.receive()
    assert feed.count == 1
    feed.tell(1, frame("after"))
    assert await told(slow) == [str(number) for number in range(feed.WAITING)]
    assert (await quick.receive()).ids == ["after"]


async def test_there_are_only_so_many_of_a_user_and_of_the_node(monkeypatch):
    monkeypatch.setattr(NotificationFeed, "MOST", 7)
    feed = NotificationFeed()
    mine = [feed.open(1) for _ in range(feed.OF_USER)]
    with pytest.raises(ProtocolError) as refused:
        feed.open(1)
    assert refused.value.code is ErrorCode.RATE_LIMITED and refused.value.retry_after_ms
    others = [feed.open(user_no) for user_no in (2, 3)]
    with pytest.raises(ProtocolError):
        feed.open(4)
    others[0].close()
    others[0].close()
    assert feed.count == 6
    feed.open(4)
    with pytest.raises(ProtocolError):
        feed.open(5)
    for stream in mine:
        await stream.aclose()
    assert feed.count == 2 and feed.open(1)


async def test_who_left_is_told_nothing_more():
    feed = NotificationFeed()
    stream = feed.open(1)
    stream.close()
    feed.tell(1, frame("a"))
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive()


async def test_a_node_that_stops_ends_its_streams_and_opens_none(autojump_clock):
    feed = NotificationFeed()
    stream = feed.open(1)
    feed.end()
    assert await told(stream) == []
    with pytest.raises(ProtocolError):
        feed.open(1)
    stream.close()
    assert feed.count == 0
