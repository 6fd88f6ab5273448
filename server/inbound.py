"""What a user of a bot may do, whichever bot it is: link his account, list, read and answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from actors.ports import AdapterError, WallClock
from actors.rules.personal_data import masked
from protocol.errors import ErrorCode, ProtocolError
from server.http.ports import Limits, Rate
from server.ids import keyed_id
from server.inbound_words import Language, Word, say
from server.live_sessions import LiveSessions
from server.notification_reading import Answer, Reading, is_invitation
from server.postgres.notification_endpoints import NotificationEndpoints
from server.postgres.notification_inbox import ListedNotification, NotificationInbox
from server.postgres.notification_links import BotPlatform, Linked, NotificationLinks, normal_code
from server.postgres.realtime_sessions import RealtimeSession
from server.providers.outside_addresses import label_of
from server.shown_lists import ShownList, ShownLists

Act = Literal["link", "list", "read", "accept", "decline", "help"]

KINDS: Final[Mapping[BotPlatform, str]] = {"discord": "discord_bot", "kakao": "kakao_bot"}
"""Kinds of endpoints. A bot of a KakaoTalk channel answers, and cannot speak first: its users are
known here, and nothing is sent to them.
"""
ANSWERS: Final[Mapping[Act, Answer]] = {"accept": "accept", "decline": "decline"}
ANSWERED: Final[Mapping[Answer, Word]] = {"accept": "accepted", "decline": "declined"}
ANSWERED_BEFORE: Final[Mapping[Answer, Word]] = {
    "accept": "accepted_before",
    "decline": "declined_before",
}
TRIES: Final = Rate(per_second=1 / 60, burst=5)
"""Codes that a user of a bot may try, until one is right."""
ASKED: Final = Rate(per_second=1, burst=20)
"""What a user of a bot may ask."""
ONCE: Final = Rate(per_second=1 / 600, burst=1)
"""Requests with the same key, as long as one may come again."""
LISTED: Final = 5
TITLE_SHOWN, MESSAGE_SHOWN = 60, 80
MASKED: Final = 1_000
"""So much of a text is looked through for what is shown of it; all of one would take long."""
ALL: Final = "all"


class BotUser(NamedTuple):
    """A user of a bot, as its platform knows him."""

    platform: BotPlatform
    id: str

    def __repr__(self) -> str:
        return f"BotUser({self.platform!r})"


class Said(NamedTuple):
    """What he wants. ``what``: a code, a number of the list he saw last, an id, or ``all``."""

    act: Act
    what: str = ""


class ShownLine(NamedTuple):
    """A notification of a list."""

    number: int
    notification: str
    text: str
    is_invitation: bool


class Reply(NamedTuple):
    """What he is told, and the list that belongs to it."""

    text: str
    shown: Sequence[ShownLine] = ()
    is_linked: bool = False


class Inbound:
    """Answers what users of bots say. *key* makes names of theirs that say nothing of them."""

    def __init__(  # noqa: PLR0913 - each is a part of it
        self,
        *,
        links: NotificationLinks,
        endpoints: NotificationEndpoints,
        inbox: NotificationInbox,
        reading: Reading,
        sessions: LiveSessions,
        limits: Limits,
        clock: WallClock,
        key: bytes,
    ) -> None:
        self._links, self._endpoints, self._inbox = links, endpoints, inbox
        self._reading, self._sessions, self._limits = reading, sessions, limits
        self._clock, self._key = clock, key
        self._lists = ShownLists()

    async def answer(
        self, bot: BotUser, said: Said, language: Language, *, key: str | None = None
    ) -> Reply:
        """What he is told. Nothing is raised that the stores raise.

        What comes again with the same *key* is not done again: who reads all, or says a number,
        would mean something else by it later.
        """
        try:
            return await self._answer(bot, said, language, key)
        except AdapterError:
            return Reply(say(language, "unavailable"))
        except ProtocolError as error:
            return Reply(say(language, _why_not(error)))

    async def _answer(self, bot: BotUser, said: Said, language: Language, key: str | None) -> Reply:
        if await self._limits.take(f"bots:{self._name(bot)}", ASKED):
            return Reply(say(language, "too_many"))
        if key is not None and await self._limits.take(f"once:{key}", ONCE):
            return Reply(say(language, "repeated"))
        if said.act == "link":
            return await self._link(bot, said.what, language)
        user_no = await self._endpoints.find(bot.platform, KINDS[bot.platform], bot.id)
        who = user_no and await self._links.linked(user_no)
        if not who:
            return Reply(say(language, _of(bot, "link")))
        self._chatted(bot, who)
        return await self._of_linked(bot, who, said, language)

    async def _of_linked(self, bot: BotUser, who: Linked, said: Said, language: Language) -> Reply:
        if said.act == "help":
            return Reply(say(language, _of(bot, "help")), is_linked=True)
        if said.act == "list":
            return await self._list(bot, who, language)
        if said.act == "read" and said.what == ALL:
            read = await self._reading.read(who.user_no, None)
            return Reply(say(language, "read", count=len(read)), is_linked=True)
        now = self._clock.now_ms()
        notification = self._lists.found(self._name(bot), said.what, now=now)
        if notification is None:
            return Reply(say(language, "which"), is_linked=True)
        if said.act == "read":
            read = await self._reading.read(who.user_no, [notification])
            word: Word = "read" if read else "read_before"
            return Reply(say(language, word, count=len(read)), is_linked=True)
        answer = ANSWERS[said.act]
        standing = await self._reading.answer(who.user_no, notification, answer)
        words = ANSWERED if standing == answer else ANSWERED_BEFORE
        return Reply(say(language, words[standing]), is_linked=True)

    async def _link(self, bot: BotUser, text: str, language: Language) -> Reply:
        tries = f"links:{self._name(bot)}"
        wait = await self._limits.take(tries, TRIES)
        if wait:
            return Reply(say(language, "too_many_tries", seconds=math.ceil(wait)))
        code, now = normal_code(text), self._clock.now_ms()
        user_no = code and await self._links.use(bot.platform, code, at=now)
        who = user_no and await self._links.linked(user_no)
        if not who:
            return Reply(say(language, "wrong_code"))
        kind = KINDS[bot.platform]
        label = label_of(kind, bot.id)
        await self._endpoints.add(who.user_no, bot.platform, kind, bot.id, label, now)
        await self._limits.forget(tries)
        self._chatted(bot, who)
        return Reply(say(language, "linked", name=who.name), is_linked=True)

    async def _list(self, bot: BotUser, who: Linked, language: Language) -> Reply:
        now = self._clock.now_ms()
        found = await self._inbox.page(who.user_no, now=now, limit=LISTED, unread=True)
        self._lists.put(self._name(bot), ShownList(now, [each.id for each in found]))
        if not found:
            return Reply(say(language, "nothing"), is_linked=True)
        shown = [_line(number, each) for number, each in enumerate(found, 1)]
        count = len(found)
        if count == LISTED:
            count = max(count, await self._inbox.unread_count(who.user_no, now=now))
        texts = [say(language, "unread", count=count), *(each.text for each in shown)]
        if count > len(found):
            texts.append(say(language, "more", count=count - len(found)))
        return Reply("\n".join(texts), shown, is_linked=True)

    def _chatted(self, bot: BotUser, who: Linked) -> None:
        now = self._clock.now_ms()
        self._sessions.chatted(
            RealtimeSession(self._name(bot), who.user_no, bot.platform, now, now)
        )

    def _name(self, bot: BotUser) -> str:
        return f"{bot.platform}:{keyed_id(self._key, f'{bot.platform}:{bot.id}'.encode())}"


def one_line(text: str, most: int) -> str:
    """*text* in a line of at most so many characters, without what is nobody else's to know.

    >>> one_line("one\\n  two three", 8)
    'one two…'
    """
    line = masked(" ".join(text.split())[:MASKED])  # what is cut into is known no more
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _line(number: int, listed: ListedNotification) -> ShownLine:
    title, message = one_line(listed.title, TITLE_SHOWN), one_line(listed.message, MESSAGE_SHOWN)
    text = f"{number}. {title}" + (f" · {message}" if message else "")
    return ShownLine(number, listed.id, text, is_invitation(listed.type))


def _of(bot: BotUser, word: Literal["help", "link"]) -> Word:
    if bot.platform == "kakao":
        return "help_kakao" if word == "help" else "link_kakao"
    return "help_discord" if word == "help" else "link_discord"


def _why_not(error: ProtocolError) -> Word:
    match error.code:
        case ErrorCode.NOT_FOUND | ErrorCode.GONE:
            return "gone"
        case ErrorCode.CONFLICT:
            return "no_invitation"
        case _:
            return "unavailable"
