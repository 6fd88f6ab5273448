"""The Journal port, in memory and in PostgreSQL."""

from __future__ import annotations

from actors.records import EventKind, MemberMove, NewEvent, Verdict


async def tail_of(journal, room):
    claimed = (await journal.claim([room], tail=100))[room]
    return [stored.event.seq for stored in claimed.tail]


async def test_a_claim_of_a_new_room_finds_nothing_stored(world):
    number, room = await world.room(1, 2)
    claimed = (await world.journal().claim([room, "nowhere"], tail=10))[room]
    assert (claimed.room_no, claimed.epoch) == (number, 1)
    assert (claimed.last_seq, claimed.last_at, claimed.countable, claimed.tail) == (0, 0, 0, [])
    assert [(m.user_no, m.user_id, m.role, m.read_seq) for m in claimed.members] == [
        (1, "user1", "owner", 0),
        (2, "user2", "member", 0),
    ]
    assert (claimed.summary.id, claimed.summary.type) == (room, "team")


async def test_unknown_rooms_are_left_out_of_a_claim(world):
    assert await world.journal().claim(["nowhere"], tail=10) == {}


async def test_what_was_stored_is_read_back_whole(world, writing):
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=10)
    first = writing.said(1, 2, body="안녕 \U0001f600", extra='{"mentions":["user1"]}')
    second = writing.said(2, 1, reply_to=1, thread=1, countable=1, client_id=None, digest=-(2**63))
    stored = await journal.append([writing.batch(number, 1, [first, second])])
    assert stored == [Verdict.STORED]
    claimed = (await journal.claim([room], tail=10))[room]
    assert [(s.event, s.sender) for s in claimed.tail] == [(first, "user2"), (second, "user1")]
    assert (claimed.last_seq, claimed.last_at, claimed.countable) == (2, 1002, 1)
    assert claimed.summary.last_message.body == "message 2"


async def test_a_tail_is_the_newest_stretch_ascending(world, writing):
    number, room = await world.room(1)
    journal = world.journal()
    await journal.claim([room], tail=10)
    await journal.append([writing.batch(number, 1, [writing.said(n) for n in range(1, 8)])])
    claimed = (await journal.claim([room], tail=3))[room]
    assert [s.event.seq for s in claimed.tail] == [5, 6, 7]


async def test_a_stale_epoch_stores_nothing(world, writing):
    number, room = await world.room(1, 2)
    old, new = world.journal(), world.journal()
    await old.claim([room], tail=10)
    await new.claim([room], tail=10)
    batch = writing.batch(
        number,
        1,
        [writing.said(1)],
        cursors={1: 1},
        mentions=[(2, 1)],
        moves=[MemberMove(3, "member", 1)],
    )
    assert await old.append([batch]) == [Verdict.STALE]
    claimed = (await new.claim([room], tail=10))[room]
    assert (claimed.last_seq, claimed.tail) == (0, [])
    assert [(m.user_no, m.read_seq, m.mentions) for m in claimed.members] == [(1, 0, 0), (2, 0, 0)]


async def test_every_claim_raises_the_epoch(world):
    _, room = await world.room(1)
    one, other = world.journal(), world.journal()
    epochs = [(await j.claim([room], tail=0))[room].epoch for j in (one, other, one, one)]
    assert epochs == [1, 2, 3, 4]


async def test_one_room_cannot_abort_another(world, writing):
    made = [await world.room(1, 2) for _ in range(4)]
    (stale, _), (repeated, _), (good, _), (better, _) = made
    journal = world.journal()
    await journal.claim([room for _, room in made], tail=10)
    await world.journal().claim([made[0][1]], tail=10)
    await journal.append([writing.batch(repeated, 1, [writing.said(1, client_id="same")])])

    verdicts = await journal.append(
        [
            writing.batch(stale, 1, [writing.said(1)]),
            writing.batch(repeated, 1, [writing.said(2), writing.said(3, client_id="same")]),
            writing.batch(good, 1, [writing.said(1), writing.said(2)]),
            writing.batch(better, 1, [writing.said(1)]),
        ]
    )

    assert verdicts == [Verdict.STALE, Verdict.DUPLICATE, Verdict.STORED, Verdict.STORED]
    assert [await tail_of(journal, room) for _, room in made] == [[], [1], [1, 2], [1]]


async def test_a_seq_that_was_taken_is_a_duplicate_and_nothing_of_its_room_is_stored(
    world, writing
):
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=10)
    await journal.append([writing.batch(number, 1, [writing.said(1)])])
    again = writing.batch(
        number,
        1,
        [writing.said(1, client_id="other"), writing.said(2)],
        cursors={2: 1},
        moves=[MemberMove(3, "member", 2)],
        mentions=[(2, 2)],
    )
    assert await journal.append([again]) == [Verdict.DUPLICATE]
    claimed = (await journal.claim([room], tail=10))[room]
    assert claimed.last_seq == 1
    assert [(m.user_no, m.read_seq, m.mentions) for m in claimed.members] == [(1, 0, 0), (2, 0, 0)]


async def test_a_key_twice_in_one_batch_is_a_duplicate_of_its_room_alone(world, writing):
    made = [await world.room(1) for _ in range(3)]
    journal = world.journal()
    await journal.claim([room for _, room in made], tail=10)
    verdicts = await journal.append(
        [
            writing.batch(made[0][0], 1, [writing.said(1), writing.said(1, client_id="x")]),
            writing.batch(
                made[1][0], 1, [writing.said(1, client_id="x"), writing.said(2, client_id="x")]
            ),
            writing.batch(made[2][0], 1, [writing.said(1)]),
        ]
    )
    assert verdicts == [Verdict.DUPLICATE, Verdict.DUPLICATE, Verdict.STORED]
    assert [await tail_of(journal, room) for _, room in made] == [[], [], [1]]


async def test_two_senders_may_use_the_same_client_id(world, writing):
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=10)
    events = [writing.said(1, 1, client_id="x"), writing.said(2, 2, client_id="x")]
    assert await journal.append([writing.batch(number, 1, events)]) == [Verdict.STORED]


async def test_cursors_are_only_ever_raised(world, writing):
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=10)
    await journal.append(
        [writing.batch(number, 1, [writing.said(n) for n in (1, 2, 3)], cursors={1: 3, 2: 2})]
    )
    await journal.append([writing.batch(number, 1, [], cursors={1: 1, 2: 3, 9: 3})])
    claimed = (await journal.claim([room], tail=0))[room]
    assert {m.user_no: (m.read_seq, m.unread) for m in claimed.members} == {1: (3, 0), 2: (3, 0)}


async def test_unread_counts_countable_messages_above_the_cursor(world, writing):
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=10)
    events = [
        writing.said(1),
        writing.said(2, countable=1, thread=1),
        writing.said(3, countable=2),
        writing.said(4, countable=3),
    ]
    mentions = [(2, 3), (0, 3), (0, 4), (2, 1)]
    await journal.append(
        [writing.batch(number, 1, events, cursors={1: 4, 2: 1}, mentions=mentions)]
    )
    claimed = (await journal.claim([room], tail=0))[room]
    counts = {m.user_no: (m.unread, m.mentions) for m in claimed.members}
    assert counts == {1: (0, 0), 2: (2, 2)}


def came_or_went(seq, change):
    says = f'{{"user":"user3","change":"{change}"}}'
    return NewEvent(seq, 1000 + seq, EventKind.MEMBER, 1, 1, extra=says)


async def test_members_come_and_go_with_their_events(world, writing):
    number, room = await world.room(1)
    journal = world.journal()
    await journal.claim([room], tail=10)

    async def members():
        claimed = (await journal.claim([room], tail=0))[room]
        return claimed.epoch, {m.user_no: (m.role, m.read_seq) for m in claimed.members}

    joined = [writing.said(1), came_or_went(2, "joined")]
    moves = [MemberMove(3, "member", 2)]
    await journal.append([writing.batch(number, 1, joined, moves=moves)])
    epoch, present = await members()
    assert present == {1: ("owner", 0), 3: ("member", 2)}

    moves = [MemberMove(3, "admin", 3)]
    await journal.append([writing.batch(number, epoch, [came_or_went(3, "role")], moves=moves)])
    epoch, present = await members()
    assert present[3] == ("admin", 2), "a new role moves no cursor"

    left = [came_or_went(4, "left"), came_or_went(5, "joined")]
    moves = [MemberMove(3, None, 4), MemberMove(3, "guest", 5)]
    await journal.append([writing.batch(number, epoch, left, moves=moves)])
    epoch, present = await members()
    assert present[3] == ("guest", 5), "moves of one person apply in order"

    moves = [MemberMove(3, None, 6)]
    await journal.append([writing.batch(number, epoch, [came_or_went(6, "left")], moves=moves)])
    assert (await members())[1] == {1: ("owner", 0)}


async def test_data_the_store_refuses_costs_its_own_room_only(world, writing):
    made = [await world.room(1) for _ in range(3)]
    journal = world.journal()
    await journal.claim([room for _, room in made], tail=10)
    verdicts = await journal.append(
        [
            writing.batch(made[0][0], 1, [writing.said(1)]),
            writing.batch(made[1][0], 1, [writing.said(1), writing.said(2, body="nul \0")]),
            writing.batch(made[2][0], 1, [writing.said(1)]),
        ]
    )
    assert verdicts == [Verdict.STORED, Verdict.REFUSED, Verdict.STORED]
    assert [await tail_of(journal, room) for _, room in made] == [[1], [], [1]]


async def test_an_empty_commit_stores_nothing_and_has_no_verdict(world):
    assert list(await world.journal().append([])) == []


async def test_a_store_in_order_can_be_probed(world):
    await world.journal().probe()
