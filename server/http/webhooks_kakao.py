"""What the bot of a KakaoTalk channel sends here: it is a skill of Kakao i open builder.

(Kakao Business, chatbot skill guide.) A skill has headers of its own: there the secret is put that
shows who calls. Blocks may hand a code or a number over as the parameter ``code`` or ``number``.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from protocol.errors import ErrorCode, ProtocolError
from server.http.bodies import decode
from server.http.raw_bodies import whole_body
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.inbound import ALL, Act, BotUser, Inbound, Reply, Said
from server.inbound_words import Language, say
from server.postgres.notification_links import normal_code
from server.promptly import Promptly

PATH: Final = "/api/webhooks/kakao"
SECRET: Final = "X-Madang-Secret"  # noqa: S105 - the header's name
WITHIN_S: Final = 4.0
"""Kakao gives up after 5 s."""
MOST_TEXT: Final = 1_000
MOST_QUICK: Final = 10

ACTS: Final[Mapping[str, Act]] = {
    "연결": "link",
    "연동": "link",
    "link": "link",
    "connect": "link",
    "알림": "list",
    "목록": "list",
    "list": "list",
    "notifications": "list",
    "읽음": "read",
    "읽기": "read",
    "read": "read",
    "수락": "accept",
    "accept": "accept",
    "거절": "decline",
    "decline": "decline",
}
EVERYTHING: Final = frozenset({"모두", "전체", "all"})
NUMBER: Final = re.compile(r"([0-9]{1,6})번?")
QUICK: Final[Mapping[Language, Mapping[str, str]]] = {
    "ko": {
        "read": "읽음",
        "accept": "수락",
        "decline": "거절",
        "all": "모두 읽음",
        "list": "알림",
    },
    "en": {
        "read": "Read",
        "accept": "Accept",
        "decline": "Decline",
        "all": "Read all",
        "list": "List",
    },
}


class SkillUserProperties(msgspec.Struct, rename="camel", frozen=True):
    """What else Kakao says of a user."""

    bot_user_key: str = ""


class SkillUser(msgspec.Struct):
    """Who it is: ``id`` is the bot's key of him, or it is in the properties."""

    id: str = ""
    properties: SkillUserProperties = SkillUserProperties()


class UserRequest(msgspec.Struct, kw_only=True):
    """What he said. ``lang`` is that of his KakaoTalk."""

    user: SkillUser
    utterance: str = ""
    lang: str | None = None


class SkillAction(msgspec.Struct, frozen=True):
    """What the block has found in it."""

    params: dict[str, Any] | None = None


class SkillPayload(msgspec.Struct, kw_only=True, rename="camel"):
    """The request of a skill, as far as it is wanted."""

    user_request: UserRequest
    action: SkillAction = SkillAction()


class SimpleText(msgspec.Struct):
    """A text."""

    text: str


class SkillOutput(msgspec.Struct, rename="camel"):
    """One bubble."""

    simple_text: SimpleText


class QuickReply(msgspec.Struct, rename="camel"):
    """A button below it, by which the user says ``messageText``."""

    label: str
    action: str
    message_text: str


class SkillTemplate(msgspec.Struct, rename="camel", omit_defaults=True):
    """What is shown."""

    outputs: list[SkillOutput]
    quick_replies: list[QuickReply] | UnsetType = UNSET


class SkillResponse(msgspec.Struct):
    """The answer of a skill."""

    version: str
    template: SkillTemplate


class KakaoWebhook:
    """The route that the bot of a channel calls. Without a *secret* there is none to be called."""

    def __init__(self, inbound: Inbound, promptly: Promptly, *, secret: str | None) -> None:
        self._inbound, self._promptly, self._secret = inbound, promptly, secret

    async def skill(self, call: Call[None, NoQuery]) -> Answer:
        """What a user of the channel's bot said, with the secret in X-Madang-Secret.

        He says 연결 CODE, 알림, 읽음 N, 모두 읽음, 수락 N or 거절 N; or the same in English: link
        CODE, list, read N, read all, accept N or decline N.
        """
        self._check(call.headers.get(SECRET, ""))
        payload = decode(await whole_body(call.content), SkillPayload)
        asked = payload.user_request
        key = asked.user.properties.bot_user_key or asked.user.id
        if not key:
            raise ProtocolError(ErrorCode.INVALID, "nobody has said it")
        words = Utterance.of(payload)
        reply = await self._promptly.within(
            WITHIN_S,
            lambda: self._inbound.answer(BotUser("kakao", key), words.said, words.language),
            late=Reply(say(words.language, "late")),
            busy=Reply(say(words.language, "unavailable")),
        )
        return Answer(200, _shown(reply, words.language))

    def _check(self, secret: str) -> None:
        if self._secret is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "this server has no bot at KakaoTalk")
        if not hmac.compare_digest(secret.encode(), self._secret.encode()):
            raise ProtocolError(ErrorCode.UNAUTHENTICATED, f"the {SECRET} is another")

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH,
                name="kakao_skill",
                summary="Called by Kakao: what users of the channel's bot say",
                access=Access.ANYBODY,
                handler=self.skill,
                takes_bytes=True,
                answers={200: SkillResponse},
                refusals=(401, 404),
            ),
        )


class Utterance(NamedTuple):
    """What was said, understood."""

    said: Said
    language: Language

    @classmethod
    def of(cls, payload: SkillPayload) -> Utterance:
        """What the payload says; who says it in English is answered so, unless Kakao knows better.

        >>> user = UserRequest(user=SkillUser("u"), utterance="읽음 2번")
        >>> Utterance.of(SkillPayload(user_request=user))
        Utterance(said=Said(act='read', what='2'), language='ko')
        """
        asked, params = payload.user_request, payload.action.params or {}
        words = asked.utterance.split()
        named = [word for word in words if word.lower() in ACTS]
        act: Act = ACTS[named[0].lower()] if named else "help"
        if not named and normal_code(asked.utterance):
            act = "link"  # the code alone, as the page shows it
        rest = [word for word in words if word not in named[:1]]
        is_english = (asked.lang or "").startswith("en") or (bool(named) and named[0].isascii())
        return cls(Said(act, _what(act, rest, params)), "en" if is_english else "ko")


def _what(act: Act, words: Sequence[str], params: Mapping[str, Any]) -> str:
    """What the act is about: a code, a number, or everything."""
    if act == "link":
        return "".join(words) or str(params.get("code") or "")
    if any(word.lower() in EVERYTHING for word in words):
        return ALL
    numbers = [found[1] for word in words if (found := NUMBER.fullmatch(word))]
    return numbers[0] if numbers else str(params.get("number") or "")


def _shown(reply: Reply, language: Language) -> SkillResponse:
    text = reply.text if len(reply.text) <= MOST_TEXT else reply.text[: MOST_TEXT - 1] + "…"
    template = SkillTemplate([SkillOutput(SimpleText(text))])
    if quick := list(_quick(reply, language)):
        template.quick_replies = quick[:MOST_QUICK]
    return SkillResponse("2.0", template)


def _quick(reply: Reply, language: Language) -> Sequence[QuickReply]:
    """Invitations first: they have to be answered."""
    words = QUICK[language]
    if not reply.shown:
        return [_button(words["list"])] if reply.is_linked else []
    invitations = [each for each in reply.shown if each.is_invitation]
    answers = [
        f"{words[act]} {each.number}" for each in invitations[:2] for act in ("accept", "decline")
    ]
    reads = [f"{words['read']} {each.number}" for each in reply.shown]
    return [_button(label) for label in (*answers, *reads, words["all"])]


def _button(label: str) -> QuickReply:
    return QuickReply(label=label, action="message", message_text=label)
