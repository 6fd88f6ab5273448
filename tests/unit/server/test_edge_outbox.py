"""The backlog of a blocked socket: nothing lost, nothing doubled, every byte counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.edge.outbox import PIECES, Backlog

CAP = 1000


class Watched:
    """A backlog and what it said."""

    def __init__(self, *, node_has_room: bool = True) -> None:
        self.total = 0
        self.complaints = 0
        self.node_has_room = node_has_room
        self.backlog = Backlog(cap=CAP, grew=self.grew, too_slow=self.too_slow, now=1.0)

    def grew(self, count: int) -> bool:
        self.total += count
        return self.node_has_room

    def too_slow(self) -> None:
        self.complaints += 1


@given(
    st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=400),
    st.lists(st.integers(1, 500), max_size=60),
    st.data(),
)
def test_the_socket_gets_every_byte_once_and_in_order(
    frames: list[bytes], takes: list[int], data: st.DataObject
) -> None:
    watched = Watched()
    backlog = watched.backlog
    everything = b"".join(frames)
    begun = data.draw(st.integers(1, len(frames)))
    sent = data.draw(st.integers(0, len(b"".join(frames[:begun])) - 1))
    backlog.take_over(frames[:begun], sent)
    for frame in frames[begun:]:
        backlog.append(frame)
    taken = everything[:sent]
    for take in takes:
        offered = b"".join(bytes(piece) for piece in backlog.pieces())[:take]
        assert len(backlog.pieces()) <= PIECES
        if offered:
            backlog.took(len(offered), 2.0)
        taken += offered
        assert everything.startswith(taken)
        assert backlog.size == watched.total == len(everything) - len(taken)
        assert backlog.empty == (taken == everything)


def test_one_byte_over_the_cap_is_too_slow() -> None:
    watched = Watched()
    watched.backlog.take_over([bytes(CAP + 10)], 10)
    assert watched.complaints == 0
    watched.backlog.append(b"x")
    assert watched.complaints == 1


def test_it_is_too_slow_where_the_node_has_no_room() -> None:
    watched = Watched(node_has_room=False)
    watched.backlog.take_over([b"x"], 0)
    assert watched.complaints == 1


def test_of_a_key_the_newest_is_kept_and_the_others_are_counted() -> None:
    watched = Watched()
    backlog = watched.backlog
    backlog.take_over([b"event"], 0)
    for key, wire in [("a", b"a1"), ("b", b"b1"), ("a", b"a-2"), ("a", b"a3")]:
        backlog.keep(key, wire)
    assert backlog.size == watched.total == len(b"eventb1a3")
    assert backlog.take_skipped() == 2
    assert backlog.take_skipped() == 0
    assert backlog.pieces() == [b"event"]
    backlog.release()
    assert backlog.pieces() == [b"event", b"b1", b"a3"]


def test_kept_frames_count_towards_the_cap() -> None:
    watched = Watched()
    watched.backlog.keep("a", bytes(CAP))
    assert watched.complaints == 0
    watched.backlog.keep("b", b"x")
    assert watched.complaints == 1


def test_nothing_comes_after_the_end() -> None:
    watched = Watched()
    backlog = watched.backlog
    backlog.take_over([b"event"], 2)
    backlog.keep("a", b"state")
    backlog.end(b"close")
    backlog.release()
    assert [bytes(piece) for piece in backlog.pieces()] == [b"ent", b"close"]
    backlog.forget()
    assert backlog.size == watched.total == 0
    assert backlog.empty
