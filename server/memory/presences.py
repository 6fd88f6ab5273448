"""Shown states in memory, as all nodes of one process see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio

from actors.ports import Presences
from actors.rules.presence import merged
from protocol.fields import SeenState
from protocol.ids import UserId

Shared = dict[UserId, dict[str, tuple[SeenState, float]]]


class MemoryPresences(Presences):
    """The port Presences over what nodes share: by user and node a state, and until when."""

    def __init__(self, shared: Shared, *, node: str) -> None:
        self._shared, self._node = shared, node

    async def put(self, states: Mapping[UserId, SeenState], *, kept_s: float) -> None:
        """Say how users are shown on this node, for the next *kept_s* seconds."""
        await trio.lowlevel.checkpoint()
        until = trio.current_time() + kept_s
        for user, state in states.items():
            on_nodes = self._shared.setdefault(user, {})
            if state == "offline":
                on_nodes.pop(self._node, None)
            else:
                on_nodes[self._node] = (state, until)

    async def elsewhere(self, users: Sequence[UserId]) -> Mapping[UserId, SeenState]:
        """How users are shown on the other nodes; those who are offline there are left out."""
        await trio.lowlevel.checkpoint()
        now, found = trio.current_time(), {}
        for user in users:
            kept = self._shared.get(user, {}).items()
            state = merged(s for node, (s, until) in kept if node != self._node and until > now)
            if state != "offline":
                found[user] = state
        return found
