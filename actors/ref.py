"""References and replies: the only two ways anything outside touches an actor.

ActorError
├── MailboxFull      the actor is behind; slow the source, wait or shed
└── ActorStopped     the actor cannot take messages now; the same message may work later
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar, cast

import trio

M_contra = TypeVar("M_contra", contravariant=True)
R = TypeVar("R")


class ActorError(Exception):
    """Base of everything a caller may see go wrong with an actor."""


class MailboxFull(ActorError):
    """The actor is behind; the caller must slow its own source, wait or shed."""


class ActorStopped(ActorError):
    """The actor went away or is retired; the request may or may not have taken effect."""


class Reply(Generic[R]):
    """One-shot answer slot. The first answer wins; later ones are ignored."""

    __slots__ = ("_done", "_value")

    def __init__(self) -> None:
        self._done = trio.Event()
        self._value: R | None = None

    def set(self, value: R) -> None:
        """Answer; wakes whoever waits."""
        if not self._done.is_set():
            self._value = value
            self._done.set()

    async def wait(self) -> R:
        """The answer, as soon as it is there."""
        await self._done.wait()
        return cast(R, self._value)


class Directory(Protocol[M_contra]):
    """Whatever finds the actor behind a key."""

    def tell(self, key: Hashable, message: M_contra) -> None: ...


class Ref(Generic[M_contra]):
    """Address of an actor. It outlives restarts and passivation and never exposes state."""

    __slots__ = ("_directory", "key")

    def __init__(self, directory: Directory[M_contra], key: Hashable) -> None:
        self._directory, self.key = directory, key

    def tell(self, message: M_contra) -> None:
        """Enqueue without waiting. Raises MailboxFull rather than grow, or ActorStopped."""
        self._directory.tell(self.key, message)

    async def ask(self, build: Callable[[Reply[R]], M_contra], *, within: float) -> R:
        """Send ``build(reply)`` and wait at most *within* seconds for the answer.

        Raises trio.TooSlowError past that, MailboxFull and ActorStopped as ``tell`` does.
        """
        reply: Reply[R] = Reply()
        with trio.fail_after(within):
            self.tell(build(reply))
            return await reply.wait()
