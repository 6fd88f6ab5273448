"""Answers to invitations: the first one holds, and its sender is told of that one."""

from __future__ import annotations

import pytest
import trio
from notification_world import HOUR, MINUTE, NOON, go, new, open_app_world

from protocol.errors import ProtocolError
from protocol.ids import Millis
from server.postgres.notification_answering import Answered

LATER = Millis(NOON + HOUR)
BROADCAST = """
INSERT INTO notifications (notification_id, recipient_no, sender_no, notification_type, title, data,
    subject, created_at)
VALUES ($1, 1, 9, 'broadcast.received', $1, '{"broadcast": "b"}', $1, $2)"""


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


async def shown(run, *names, at=NOON, **fields):
    await run.queue.enqueue([new(name, at=at, **fields) for name in names])
    await run.place(now=at)


async def answer(run, name, said, *, user_no=1, at=NOON, heard=None):
    """The answer that holds. What the sender is told is named after it and the invitation."""

    def telling(answered):
        if heard is not None:
            heard.append(answered)
        about = {"type": "meeting.response", "dedupe_key": f"answer:{name}"}
        return new(f"{said}-{name}", to=9, sender=user_no, at=at, **about)

    return await run.inbox.answer(user_no, name, said, at=at, telling=telling)


async def refusal(run, name, said="accept", **how):
    """The code of why it cannot be answered, by which nothing has changed."""
    before = await all_of(run)
    with pytest.raises(ProtocolError) as raised:
        await answer(run, name, said, **how)
    assert await all_of(run) == before
    return raised.value.code.value


async def all_of(run):
    queued = await run.fetch("SELECT * FROM notification_queue ORDER BY 1")
    return queued, await run.fetch("SELECT * FROM notifications ORDER BY 1"), await run.kept()


async def told(run):
    """What senders are told."""
    return [name for name in await run.kept() if name.startswith(("accept-", "decline-"))]


async def listed(run):
    """(id, answer) of the list."""
    page = await run.inbox.page(1, now=LATER, limit=9)
    return [(each.id, each.answer) for each in page]


async def test_the_first_answer_holds_and_is_told_once(run):
    await run.person(1, name="Ann")
    await run.person(9, language="en")
    await shown(run, "n1")
    assert await listed(run) == [("n1", None)]
    heard = []
    for said in ("accept", "accept", "decline", "accept"):
        assert await answer(run, "n1", said, heard=heard) == "accept"
    data = {"meeting": "n1", "more": {"n": [1, None]}}
    assert heard == [Answered(9, "meeting.invitation", data, "Ann", "en", "user1", "user9")]
    assert await listed(run) == [("n1", "accept")]
    assert (await run.kept())["n1"].seen_at == NOON
    assert await told(run) == ["accept-n1"]


async def test_of_two_at_once_one_holds_and_both_learn_which(run):
    """On connections of their own."""
    names = [f"n{number}" for number in range(10)]
    await shown(run, *names)
    found = {name: [] for name in names}

    async def say(name, said):
        found[name].append(await answer(run, name, said))

    with trio.fail_after(60):
        for name in names:
            async with run.database.service() as other, trio.open_nursery() as nursery:
                take = "SELECT FROM notification_queue WHERE notification_id = $1 FOR UPDATE"
                await other.execute(take, name)
                for said in ("accept", "decline"):
                    nursery.start_soon(say, name, said)
                await trio.sleep(0.05)  # both have looked, and wait
                await other.execute("COMMIT")
    answers = dict(await run.fetch("SELECT notification_id, answer FROM notification_queue"))
    assert found == {name: [answers[name]] * 2 for name in names}
    assert sorted(await told(run)) == sorted(f"{answers[name]}-{name}" for name in names)


async def test_only_what_somebody_has_and_is_an_invitation_is_answered(run):
    await shown(run, "n1")
    await shown(run, "n2", type="calendar.reminder")
    await run.owner.execute(BROADCAST, "cast", NOON)
    assert await refusal(run, "n1", user_no=2) == "not_found"
    assert await refusal(run, "never") == "not_found"
    assert await refusal(run, "n2") == await refusal(run, "cast") == "conflict"
    assert await run.unseen() == ["cast", "n1", "n2"]


async def test_what_its_sender_took_back_is_not_answered(run):
    await run.send("n1", platforms=("web", "push"))
    await run.place(lambda legs: go(legs[:1]))
    assert await run.cancel("n1") is True
    assert await listed(run) == [("n1", None)]
    assert await refusal(run, "n1") == "gone"
    await run.send("n2", scheduled_at=LATER)
    assert await answer(run, "n2", "accept") == "accept"
    assert await run.cancel("n2") is False


async def test_what_is_out_of_date_is_not_answered(run):
    await shown(run, "n1", "n2", expires_at=Millis(NOON + MINUTE))
    assert await answer(run, "n1", "accept", at=Millis(NOON + MINUTE - 1)) == "accept"
    assert await refusal(run, "n2", at=Millis(NOON + MINUTE)) == "gone"
    # Who asks again because he heard nothing learns what holds.
    assert await answer(run, "n1", "accept", at=LATER) == "accept"


@pytest.mark.parametrize(("one", "other"), [(1, 9), (9, 1)])
async def test_nobody_answers_whom_he_has_a_block_with(run, one, other):
    await shown(run, "n1", "n2")
    assert await answer(run, "n1", "accept") == "accept"
    await run.block(one, other)
    assert await refusal(run, "n2") == "not_found"
    assert await answer(run, "n1", "decline") == "accept"


async def test_nobody_answers_who_is_gone_but_the_server_itself(run):
    await shown(run, "n1")
    await shown(run, "n2", sender=None)
    await run.database.execute("UPDATE users SET status = 'deleted' WHERE user_no = 9")
    assert await refusal(run, "n1") == "gone"
    assert await answer(run, "n2", "accept") == "accept"


async def test_the_list_goes_on_showing_what_the_queue_has_forgotten(run):
    await shown(run, "n1", "n2")
    await answer(run, "n1", "decline")
    await run.read("n2")
    assert await run.logged.forget_ended(LATER, most=9) == 2
    assert dict(await listed(run)) == {"n1": "decline", "n2": None}
    assert await answer(run, "n1", "decline") == await answer(run, "n1", "accept") == "decline"
    assert await refusal(run, "n2") == "gone"


async def test_what_cannot_be_told_is_not_answered(run):
    """A crash between both loses neither, for there is nothing between them."""
    await shown(run, "n1")
    before = await all_of(run)

    def fails(answered):
        raise ValueError("no words")

    with pytest.raises(ValueError, match="no words"):
        await run.inbox.answer(1, "n1", "accept", at=NOON, telling=fails)
    assert await all_of(run) == before
