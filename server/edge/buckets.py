"""How many frames users may send, whatever number of connections they have."""

from __future__ import annotations

from collections import OrderedDict

import trio

from actors.rules.token_bucket import TokenBucket
from protocol.ids import UserId


class Buckets:
    """One bucket for all sessions of a user; it outlives them, so that coming back renews nothing.

    Beyond ``MOST`` the one not asked for longest is forgotten.
    """

    MOST = 100_000

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._by_user: OrderedDict[UserId, TokenBucket] = OrderedDict()

    def of(self, user: UserId) -> TokenBucket:
        """The bucket of *user*."""
        bucket = self._by_user.get(user)
        if bucket is None:
            bucket = TokenBucket(self._rate, self._burst, trio.current_time())
            self._by_user[user] = bucket
            if len(self._by_user) > self.MOST:
                self._by_user.popitem(last=False)
        self._by_user.move_to_end(user)
        return bucket
