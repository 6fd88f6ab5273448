"""Messages in KakaoTalk, to somebody who let us: into the chat that he has with himself.

    POST {api}/v2/api/talk/memo/default/send   (a form)
    Authorization: Bearer ACCESS TOKEN
    template_object={"object_type": "text", "text", "link"}

or ``…/memo/send`` with ``template_id`` and ``template_args`` (``title``, ``body``) where the app
has a template of its own. 200 with ``{"result_code": 0}`` takes it; it cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec
from msgspec import structs

from actors.notification_records import Attempt, OutgoingNotification
from actors.ports import WallClock
from actors.rules.notification_text import Text
from server.providers.attempts import Meaning, attempt_of, is_taken
from server.providers.kakao_tokens import FORM, KakaoApp, KakaoTokens
from server.providers.outside_addresses import KakaoAccount, OpenedEndpoint
from server.providers.posting import Posted, Poster

LONGEST_TEXT: Final = 200
NOT_BELIEVED: Final = -401

FAULTS: Final[Mapping[int, Meaning]] = {
    NOT_BELIEVED: Meaning("again", "not_authorized"),
    -402: Meaning("refused", "not_authorized"),  # he did not agree to messages, or no more
    **dict.fromkeys((-10, -11), Meaning("again", "limited")),
    -9798: Meaning("again", "provider_error"),  # under maintenance
    **dict.fromkeys((-101, -103), Meaning("gone", "endpoint_gone")),  # not of our app any more
    **dict.fromkeys((-1, -7, -603), Meaning("unknown", "provider_error")),  # it fell ill with it
}
"""By Kakao's own codes; any other is the message's, or the app's."""


class _Result(msgspec.Struct):
    result_code: int


class _Fault(msgspec.Struct):
    code: int


class KakaoTalk:
    """The adapter of kind ``kakao_talk``. *link*: the page that a message leads to, of a domain
    that the app has registered; *template*: the id of the app's own.
    """

    def __init__(
        self,
        poster: Poster,
        app: KakaoApp,
        tokens: KakaoTokens,
        *,
        link: str,
        template: str | None,
        clock: WallClock,
    ) -> None:
        self._poster, self._api, self._tokens = poster, app.api, tokens
        self._link, self._template, self._clock = link, template, clock

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        """Try once to send it; a second time where the token was not believed."""
        account = await self._tokens.account(endpoint)
        if isinstance(account, Attempt):
            return account
        posted = await self._post(account, text)
        if _fault(posted) == NOT_BELIEVED:
            account = await self._tokens.account(endpoint, refused=account.access)
            if isinstance(account, Attempt):
                return account
            posted = await self._post(account, text)
        return self._attempt(posted)

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        """There is no way to."""
        return Attempt(kind="refused", reason="provider_refused")

    async def _post(self, account: KakaoAccount, text: Text) -> Posted:
        if self._template is None:
            path, fields = "/v2/api/talk/memo/default/send", {"template_object": self._object(text)}
        else:
            told = {"title": text.title, "body": text.body}
            path = "/v2/api/talk/memo/send"
            fields = {"template_id": self._template, "template_args": _json(told)}
        headers = FORM | {"Authorization": f"Bearer {account.access}"}
        content = urlencode(fields).encode()
        return await self._poster.post(self._api.below(path), headers, content)

    def _object(self, text: Text) -> str:
        told = f"{text.title}\n{text.body}"
        if len(told) > LONGEST_TEXT:
            told = told[: LONGEST_TEXT - 1] + "…"
        link = {"web_url": self._link, "mobile_web_url": self._link}
        return _json({"object_type": "text", "text": told, "link": link})

    def _attempt(self, posted: Posted) -> Attempt:
        if is_taken(posted):
            return _taken(posted)
        meaning = FAULTS.get(_fault(posted) or 0)
        if meaning is None or posted.status is None:
            return attempt_of(posted, self._clock)
        attempt = attempt_of(posted, self._clock, {posted.status: meaning})
        # Whose token it is: it is no word on Kakao.
        return structs.replace(attempt, of_one=attempt.reason == "not_authorized")


def _taken(posted: Posted) -> Attempt:
    try:
        result = msgspec.json.decode(posted.body or b"", type=_Result).result_code
    except ValueError:
        return Attempt(kind="unknown", reason="bad_answer")
    if result == 0:
        return Attempt(kind="sent")
    return Attempt(kind="refused", reason="provider_refused")


def _fault(posted: Posted) -> int | None:
    try:
        return msgspec.json.decode(posted.body or b"", type=_Fault).code
    except ValueError:
        return None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
