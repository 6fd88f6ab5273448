"""One message to one person through a provider, and what became of it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

OutcomeKind = Literal["sent", "refused", "again", "unknown"]
"""``sent``: the provider took it; ``refused``: it never will; ``again``: it did not take it and may
later, or is safe to ask twice; ``unknown``: it may have taken it, so it must not be sent again.
"""

OutcomeReason = Literal[
    "",  # sent
    "provider_refused",
    "not_authorized",  # our key, not the message
    "redirected",  # the address in the settings is wrong
    "limited",
    "provider_error",
    "not_connected",
    "address_refused",  # the provider's name resolves to an address that must not be asked
    "no_answer",
    "bad_answer",
]


OUR_SETTINGS: Final[frozenset[OutcomeReason]] = frozenset({"not_authorized", "redirected"})
"""Where an outcome ``again`` has one of these, no message will be taken until somebody mends what
is wrong.
"""
NO_ATTEMPT: Final[frozenset[OutcomeReason]] = OUR_SETTINGS | {"limited"}
"""Where it has one of these, the message itself was not looked at."""


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent. Whoever prints it sees its id alone."""

    id: str
    """The same for every attempt, so that a provider can know one that it took; visible ASCII."""
    to: str
    """A phone number."""
    body: str
    advertising: bool

    def __repr__(self) -> str:
        return f"OutgoingMessage(id={self.id!r})"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt."""

    kind: OutcomeKind
    provider_id: str | None = None
    """The provider's own, where it was sent."""
    reason: OutcomeReason = ""
    retry_after_ms: int | None = None
    """How long the provider asked to be left alone, where it did."""
    may_be_sent: bool = False
    """Of ``again``: it may have taken it, but knows it by its id. Is it not asked again, this is
    ``unknown``.
    """
