"""The parts of queries about threads."""

from __future__ import annotations


def thread_cursor(room: str, user_no: str, root: str) -> str:
    """How far a member has read in a thread: by request, by writing, or as he joined later."""
    return f"""greatest(
    (SELECT t.read_seq FROM thread_cursors t
     WHERE t.room_no = {room} AND t.user_no = {user_no} AND t.root_seq = {root}),
    (SELECT j.joined_seq FROM chat_members j WHERE j.room_no = {room} AND j.user_no = {user_no}),
    (SELECT o.seq FROM room_events o
     WHERE o.room_no = {room} AND o.thread = {root} AND o.sender_no = {user_no} AND o.kind = 1
     ORDER BY o.seq DESC LIMIT 1),
    0)"""  # noqa: S608 - names of columns


def countable_replies(room: str, user_no: str, root: str, *, above: str, upto: str) -> str:
    """The replies ``e`` of others in a thread that are not deleted, between two seqs."""
    return f"""room_events e
    LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
    WHERE e.room_no = {room} AND e.thread = {root} AND e.kind = 1 AND e.sender_no <> {user_no}
        AND e.seq > {above} AND e.seq <= {upto} AND s.deleted_at IS NULL"""


def participants(room: str, root: str) -> str:
    """Who wrote the root of a thread, wrote in it or was mentioned there, and with which seq."""
    return f"""
    SELECT e.sender_no AS user_no, e.seq FROM room_events e
    WHERE e.room_no = {room} AND e.seq = {root}
    UNION ALL
    SELECT e.sender_no, e.seq FROM room_events e
    WHERE e.room_no = {room} AND e.thread = {root} AND e.kind = 1
    UNION ALL
    SELECT x.user_no, x.seq FROM room_events e
    JOIN room_mentions x ON x.room_no = e.room_no AND x.seq = e.seq
    WHERE e.room_no = {room} AND e.thread = {root} AND e.kind = 1"""  # noqa: S608 - names of columns


def takes_part(room: str, user_no: str, root: str) -> str:
    """Whether a user is among the participants."""
    return f"""(EXISTS (
        SELECT FROM room_events e
        WHERE e.room_no = {room} AND e.seq = {root} AND e.sender_no = {user_no}
    ) OR EXISTS (
        SELECT FROM room_events e
        WHERE e.room_no = {room} AND e.thread = {root} AND e.kind = 1 AND e.sender_no = {user_no}
    ) OR EXISTS (
        SELECT FROM room_mentions x JOIN room_events e ON e.room_no = x.room_no AND e.seq = x.seq
        WHERE x.room_no = {room} AND x.user_no = {user_no} AND e.thread = {root}
    ))"""  # noqa: S608 - names of columns
