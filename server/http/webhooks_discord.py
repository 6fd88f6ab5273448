"""What Discord sends here: commands of the bot's users, and the buttons they press.

(Discord, Receiving and Responding to Interactions.) The application at Discord has these commands:
``/link code``, ``/notifications``, ``/read [number]``, ``/accept number`` and ``/decline number``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import UNSET, UnsetType
from werkzeug.datastructures import Headers

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.discord_buttons import button_row, pressed
from server.discord_text import plain_text
from server.http.bodies import decode
from server.http.raw_bodies import whole_body
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.inbound import ALL, Act, BotUser, Inbound, Reply, Said
from server.inbound_words import Language, say
from server.promptly import Promptly

PATH: Final = "/api/webhooks/discord"
SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{128}")
TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
SECONDS_APART: Final = 300
"""Of the clock here and what was signed."""
WITHIN_S: Final = 2.5
"""Discord gives up after 3 s."""

PING, COMMAND, COMPONENT, AUTOCOMPLETE = 1, 2, 3, 4
PONG, MESSAGE, CHOICES = 1, 4, 8
EPHEMERAL: Final = 1 << 6
"""Nobody else in the channel sees it."""
MOST_CONTENT: Final = 2_000
COMMANDS: Final[Mapping[str, Act]] = {
    "link": "link",
    "notifications": "list",
    "read": "read",
    "accept": "accept",
    "decline": "decline",
}


class DiscordUser(msgspec.Struct):
    """Who it is, of whom nothing else is wanted."""

    id: str


class DiscordMember(msgspec.Struct):
    """The same in a server."""

    user: DiscordUser


class CommandOption(msgspec.Struct):
    """One thing that was said with a command."""

    name: str
    value: str | int | float | bool = ""


class InteractionData(msgspec.Struct, frozen=True):
    """A command and what was said with it, or the button."""

    name: str = ""
    custom_id: str = ""
    options: list[CommandOption] = []


class Interaction(msgspec.Struct):
    """What somebody did. ``member`` in a server, ``user`` elsewhere."""

    type: int
    data: InteractionData = InteractionData()
    member: DiscordMember | None = None
    user: DiscordUser | None = None
    locale: str = "en-US"


class InteractionMessage(msgspec.Struct, omit_defaults=True):
    """What the bot says to it, seen by that user alone; or no choices."""

    content: str | UnsetType = UNSET
    flags: int | UnsetType = UNSET
    components: list[dict[str, Any]] | UnsetType = UNSET
    allowed_mentions: dict[str, list[str]] | UnsetType = UNSET
    choices: list[dict[str, Any]] | UnsetType = UNSET


class InteractionAnswer(msgspec.Struct, omit_defaults=True):
    """The answer to an interaction: to PING its pong, else a message."""

    type: int
    data: InteractionMessage | UnsetType = UNSET


class Signed(NamedTuple):
    """What Discord has signed, and when."""

    timestamp: str
    body: bytes

    @property
    def key(self) -> str:
        """The same for what is sent again, in whatever case its signature is written."""
        return hashlib.sha256(self.timestamp.encode() + self.body).hexdigest()


class DiscordWebhook:
    """The route that Discord calls. Without a *public_key* there is none to be called."""

    def __init__(
        self,
        inbound: Inbound,
        promptly: Promptly,
        *,
        public_key: bytes | None,
        clock: WallClock,
    ) -> None:
        """*public_key*: the application's, 32 bytes."""
        self._inbound, self._promptly, self._clock = inbound, promptly, clock
        self._key = public_key

    async def interact(self, call: Call[None, NoQuery]) -> Answer:
        """Commands and buttons of the bot's users, signed by Discord within the last 5 minutes.

        Whoever sends one of these again changes nothing by it: what was signed is done once.
        """
        signed = await self._signed(call)
        interaction = decode(signed.body, Interaction)
        if interaction.type == PING:
            return Answer(200, InteractionAnswer(PONG))
        if interaction.type == AUTOCOMPLETE:
            return Answer(200, InteractionAnswer(CHOICES, InteractionMessage(choices=[])))
        return Answer(200, InteractionAnswer(MESSAGE, await self._message(interaction, signed)))

    async def _signed(self, call: Call[None, NoQuery]) -> Signed:
        """What Discord has signed. Raises ProtocolError."""
        if self._key is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "this server has no Discord application")
        signature, timestamp = _signature(call.headers)
        apart = abs(self._clock.now_ms() // 1000 - int(timestamp))
        body = await whole_body(call.content)
        try:
            key = Ed25519PublicKey.from_public_bytes(self._key)
            key.verify(bytes.fromhex(signature), timestamp.encode() + body)
        except InvalidSignature:
            raise _unsigned() from None
        if apart > SECONDS_APART:
            raise _unsigned()
        return Signed(timestamp, body)

    async def _message(self, interaction: Interaction, signed: Signed) -> InteractionMessage:
        language: Language = "ko" if interaction.locale.startswith("ko") else "en"
        who = interaction.member.user if interaction.member else interaction.user
        if who is None:
            raise ProtocolError(ErrorCode.INVALID, "nobody has done it")
        bot = BotUser("discord", who.id)
        reply = await self._promptly.within(
            WITHIN_S,
            lambda: self._inbound.answer(bot, _said(interaction), language, key=signed.key),
            late=Reply(say(language, "late")),
            busy=Reply(say(language, "unavailable")),
        )
        return _shown(reply, language)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH,
                name="discord_interaction",
                summary="Called by Discord: commands and buttons of the bot's users",
                access=Access.ANYBODY,
                handler=self.interact,
                takes_bytes=True,
                answers={200: InteractionAnswer},
                refusals=(401, 404),
            ),
        )


def _signature(headers: Headers) -> tuple[str, str]:
    signature = headers.get("X-Signature-Ed25519", "")
    timestamp = headers.get("X-Signature-Timestamp", "")
    if not (SIGNATURE.fullmatch(signature) and TIMESTAMP.fullmatch(timestamp)):
        raise _unsigned()
    return signature, timestamp


def _unsigned() -> ProtocolError:
    return ProtocolError(ErrorCode.UNAUTHENTICATED, "not signed by Discord just now")


def _said(interaction: Interaction) -> Said:
    data = interaction.data
    if interaction.type == COMPONENT:
        button = pressed(data.custom_id)
        return Said("help") if button is None else Said(button.act, button.notification)
    act = COMMANDS.get(data.name, "help") if interaction.type == COMMAND else "help"
    what = str(data.options[0].value).strip() if data.options else ""
    return Said(act, what or (ALL if act == "read" else ""))


def _shown(reply: Reply, language: Language) -> InteractionMessage:
    rows = [
        button_row(
            each.notification,
            is_invitation=each.is_invitation,
            language=language,
            number=each.number,
        )
        for each in reply.shown
    ]
    return InteractionMessage(
        content=plain_text(reply.text, MOST_CONTENT),
        flags=EPHEMERAL,
        components=rows or UNSET,
        allowed_mentions={"parse": []},
    )
