"""A handler that does what its client says and remembers what happened to it."""

from __future__ import annotations

from collections.abc import Callable

from server.edge.connection import Connection
from server.edge.framing import ws_frame


class Player:
    """Keeps messages; those in ``acts`` make it act."""

    def __init__(self, connection: Connection, acts: dict[bytes, Callable[[Player], None]]) -> None:
        self.connection = connection
        self.messages: list[bytes] = []
        self.skipped: list[int] = []
        self.closings = 0
        self._acts = acts

    def message(self, data: bytes, text: bool) -> None:
        self.messages.append(data)
        act = self._acts.get(data)
        if act is not None:
            act(self)

    def drained(self, skipped: int) -> None:
        self.skipped.append(skipped)

    def closed(self) -> None:
        self.closings += 1

    def offer(self, payload: bytes) -> None:
        """Offer a binary message."""
        self.connection.offer(ws_frame(payload, text=False))


class Players(list[Player]):
    """Makes players who act alike."""

    def __init__(self, kind: type[Player] = Player, **acts: Callable[[Player], None]) -> None:
        super().__init__()
        self._kind = kind
        self._acts = {name.encode(): act for name, act in acts.items()}

    def make(self, connection: Connection) -> Player:
        player = self._kind(connection, self._acts)
        self.append(player)
        return player


class Polite(Player):
    """Has a last word when the edge closes its connection."""

    def farewell(self, code: int, reason: str) -> bytes | None:
        return ws_frame(f"{code} {reason}".encode(), text=False)
