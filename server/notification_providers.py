"""The platforms outside, as the settings have them: how each is reached, and what goes there."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from actors.notification_records import OutgoingNotification, Outside
from actors.ports import WallClock
from actors.rules.notification_text import Text, outside_text
from actors.rules.notification_types import TYPES
from server.discord_buttons import button_row
from server.http.kakao_connect import KakaoLogin
from server.notification_settings import KakaoSettings
from server.postgres.notification_endpoints import NotificationEndpoints
from server.postgres.notification_templates import NotificationTemplates
from server.postgres.pool import Database
from server.providers.addresses import GuardedBackend
from server.providers.alimtalk import VERIFICATION, AlimTalk
from server.providers.attempts import Adapter
from server.providers.discord_api import DiscordApi
from server.providers.discord_bot import DiscordBot
from server.providers.discord_limits import DiscordLimits
from server.providers.discord_webhook import DiscordWebhook
from server.providers.kakao_talk import KakaoTalk
from server.providers.kakao_tokens import KakaoTokens
from server.providers.outside import Outside as OutsidePlatform
from server.providers.outside_addresses import PLATFORM_OF, AddressReader, Kind
from server.providers.posting import Poster
from server.providers.sealing import KEY_BYTES, SealKey, Seals, load_seal_keys
from server.providers.service_circuits import ServiceCircuits
from server.providers.vapid import Vapid, load_vapid_key
from server.providers.web_push import WebPush
from server.settings import Settings

CONNECTIONS: Final = 50


class NotificationProviders:
    """How people are reached outside. Without a key to seal addresses by nobody is: ``reaches`` is
    False, and what there is here holds nothing.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        templates: NotificationTemplates,
        *,
        clock: WallClock,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings, self._wanted = settings, settings.notifying
        self._templates, self._clock, self._log = templates, clock, log
        self._posters: list[Poster] = []
        place = settings.place
        self._embedded = place.database_url is None
        keys = load_seal_keys(self._wanted.seal_keys, place.data, embedded=self._embedded)
        self.reaches = keys is not None
        self.endpoints = NotificationEndpoints(database, Seals(keys or _of_nobody()))
        self.addresses = AddressReader(
            push=self._wanted.push.service, discord=self._wanted.discord.api
        )
        self.vapid = self._vapid()
        self.kakao_login: KakaoLogin | None = None
        self.codes: AlimTalk | None = None
        """What sends codes to phones."""
        self._adapters = self._made() if self.reaches else {}

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of endpoints that something can be sent to."""
        return frozenset(self._adapters)

    def platforms(self) -> dict[Outside, OutsidePlatform]:
        """Each platform that there is an adapter for."""
        by_platform: dict[Outside, dict[str, Adapter]] = {}
        for kind, adapter in self._adapters.items():
            by_platform.setdefault(PLATFORM_OF[kind], {})[kind] = adapter
        return {
            platform: OutsidePlatform(
                self.endpoints,
                adapters,
                circuits={"web_push": ServiceCircuits(log=self._log)},
                text=self._text,
                log=self._log,
            )
            for platform, adapters in by_platform.items()
        }

    async def aclose(self) -> None:
        """Hang up."""
        for poster in self._posters:
            await poster.aclose()

    def _text(self, message: OutgoingNotification) -> Text:
        template = self._templates.current(message.type, message.language)
        return outside_text(message, template)

    def _made(self) -> dict[Kind, Adapter]:
        made: dict[Kind, Adapter] = {**self._discord()}
        if self.vapid is not None:
            made["web_push"] = self._web_push(self.vapid)
        if self._wanted.kakao is not None:
            made["kakao_talk"] = self._kakao(self._wanted.kakao)
        if self._wanted.alimtalk is not None:
            account = self._wanted.alimtalk
            made["alimtalk"] = talk = AlimTalk(self._poster(), account, clock=self._clock)
            self.codes = talk if VERIFICATION in account.templates else None
        return made

    def _vapid(self) -> Vapid | None:
        wanted, data = self._wanted.push, self._settings.place.data
        key = load_vapid_key(wanted.key, data, embedded=self._embedded) if self.reaches else None
        return None if key is None else Vapid(key, subject=wanted.subject, clock=self._clock)

    def _web_push(self, vapid: Vapid) -> WebPush:
        service = self._wanted.push.service
        # Users say where: without a service that is named they reach nothing near.
        poster = self._poster(private=self._settings.private_addresses and service is not None)
        return WebPush(poster, vapid, service=service, clock=self._clock)

    def _discord(self) -> Mapping[Kind, Adapter]:
        wanted = self._wanted.discord
        api = DiscordApi(self._poster(), wanted.api, DiscordLimits())
        webhook = DiscordWebhook(api, clock=self._clock)
        if wanted.token is None:
            return {"discord_webhook": webhook}
        buttons = _no_buttons if wanted.public_key is None else _buttons
        bot = DiscordBot(api, wanted.token, buttons=buttons, clock=self._clock)
        return {"discord_webhook": webhook, "discord_bot": bot}

    def _kakao(self, wanted: KakaoSettings) -> KakaoTalk:
        poster = self._poster()
        tokens = KakaoTokens(poster, wanted.app, self.endpoints, clock=self._clock)
        # Who comes back from Kakao keeps nothing waiting that is to be sent.
        codes = KakaoTokens(self._poster(), wanted.app, self.endpoints, clock=self._clock)
        self.kakao_login = KakaoLogin(wanted.app, codes)
        return KakaoTalk(
            poster,
            wanted.app,
            tokens,
            link=wanted.link,
            template=wanted.template,
            clock=self._clock,
        )

    def _poster(self, *, private: bool | None = None) -> Poster:
        near = self._settings.private_addresses if private is None else private
        backend = GuardedBackend(private=near)
        poster = Poster(backend, tls=ssl.create_default_context(), connections=CONNECTIONS)
        self._posters.append(poster)
        return poster


def _of_nobody() -> tuple[SealKey, ...]:
    """A key that nobody has: what is looked for is not found."""
    return (SealKey("none", os.urandom(KEY_BYTES)),)


def _buttons(message: OutgoingNotification) -> Sequence[Mapping[str, Any]]:
    is_invitation = TYPES[message.type].is_invitation
    row = button_row(
        message.notification_id, is_invitation=is_invitation, language=message.language
    )
    return [row]


def _no_buttons(_: OutgoingNotification) -> Sequence[Mapping[str, Any]]:
    return ()
