"""AlimTalk: KakaoTalk messages of a business to a phone, through Naver Cloud's SENS.

    POST {api}/alimtalk/v2/services/{serviceId}/messages
    x-ncp-apigw-timestamp: MILLISECONDS
    x-ncp-iam-access-key: ACCESS KEY
    x-ncp-apigw-signature-v2: base64(HMAC-SHA256(secret, "POST TARGET\\nTIMESTAMP\\nACCESS KEY"))
    {"plusFriendId", "templateCode", "messages": [{"to", "content", "useSmsFailover": false}]}

and 202 with ``requestStatusCode`` A000 where it was taken. The text must fit the template that
Kakao approved: one of ``#{title}``, a line's end and ``#{message}`` fits all. No SMS is sent
instead: what comes next where this fails is Madang's to say.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from actors.notification_records import Attempt, OutgoingNotification
from actors.ports import WallClock
from actors.rules.notification_text import Text
from server.providers.attempts import attempt_of, is_taken
from server.providers.endpoints import Endpoint
from server.providers.message_api import PLAIN_ID
from server.providers.outside_addresses import OpenedEndpoint
from server.providers.posting import Posted, Poster

VERIFICATION: Final = "verification"
"""What stands for a type in the template of codes, which no other template is used for."""
CODE_TITLE, CODE_BODY = "마당 인증번호 {code}", "10분 안에 입력해 주세요."
LONGEST_CONTENT: Final = 1000
TAKEN: Final = "A000"
ANY: Final = "*"
"""The type of which there is a template for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensAccount:
    """Ours at Naver Cloud, and the channel and templates that were approved for it."""

    api: Endpoint
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    service_id: str
    channel: str
    """The channel's search id, with its @."""
    templates: Mapping[str, str]
    """Template codes by types of notifications, and of ``VERIFICATION``."""


class _Request(msgspec.Struct, rename="camel"):
    request_status_code: str
    message_id: str | None = None


class _Answer(msgspec.Struct):
    messages: Sequence[_Request]


class AlimTalk:
    """The adapter of kind ``alimtalk``."""

    def __init__(self, poster: Poster, account: SensAccount, *, clock: WallClock) -> None:
        self._poster, self._account, self._clock = poster, account, clock
        self._endpoint = account.api.below(f"/alimtalk/v2/services/{account.service_id}/messages")

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        """Try once to send it; refused where there is no template for its type."""
        templates = self._account.templates
        template = templates.get(message.type) or templates.get(ANY)
        if template is None:
            return Attempt(kind="refused", reason="no_provider")
        return await self._post(template, endpoint.address, f"{text.title}\n{text.body}")

    async def send_code(self, phone: str, code: str) -> Attempt:
        """Try once to tell whoever has *phone* a code; refused where there is no template of it."""
        template = self._account.templates.get(VERIFICATION)
        if template is None:
            return Attempt(kind="refused", reason="no_provider")
        return await self._post(template, phone, f"{CODE_TITLE.format(code=code)}\n{CODE_BODY}")

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        """There is no way to."""
        return Attempt(kind="refused", reason="provider_refused")

    async def _post(self, template: str, phone: str, content: str) -> Attempt:
        message = {"to": phone, "content": content[:LONGEST_CONTENT], "useSmsFailover": False}
        body = {
            "plusFriendId": self._account.channel,
            "templateCode": template,
            "messages": [message],
        }
        posted = await self._poster.post(self._endpoint, self._signed(), msgspec.json.encode(body))
        return _taken(posted) if is_taken(posted) else attempt_of(posted, self._clock)

    def _signed(self) -> dict[str, str]:
        account, now = self._account, str(self._clock.now_ms())
        of = f"POST {self._endpoint.target}\n{now}\n{account.access_key}"
        signature = hmac.digest(account.secret_key.encode(), of.encode(), "sha256")
        return {
            "Content-Type": "application/json; charset=utf-8",
            "x-ncp-apigw-timestamp": now,
            "x-ncp-iam-access-key": account.access_key,
            "x-ncp-apigw-signature-v2": base64.b64encode(signature).decode(),
        }


def _taken(posted: Posted) -> Attempt:
    try:
        (request,) = msgspec.json.decode(posted.body or b"", type=_Answer).messages
    except ValueError:
        return Attempt(kind="unknown", reason="bad_answer")
    if request.request_status_code != TAKEN:
        return Attempt(kind="refused", reason="provider_refused")
    said = request.message_id
    return Attempt(kind="sent", provider_ref=said if said and PLAIN_ID.fullmatch(said) else None)
