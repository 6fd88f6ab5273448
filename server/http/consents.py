"""What people agree to, as they say it themselves: advertising, and that at night."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from actors.ports import WallClock
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.consents import Consent, ConsentKind, ConsentStore

PATH: Final = "/api/v1/users/me/consents"
SOURCE: Final = "settings"


class ConsentsChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is said now; what is left out stays."""

    advertising: bool | None = None
    advertising_night: bool | None = None


class ConsentWord(msgspec.Struct):
    """Where and when it was said last."""

    source: str
    at: int


class Consents(msgspec.Struct, kw_only=True):
    """Whether one agrees to advertising, and to it from 21:00 to 08:00; ``said`` where and when."""

    advertising: bool
    advertising_night: bool
    said: dict[str, ConsentWord]


class ConsentRoutes:
    """The routes of one's own consents."""

    def __init__(self, consents: ConsentStore, *, clock: WallClock) -> None:
        self._consents, self._clock = consents, clock

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """What one agrees to."""
        return Answer(200, await self._shown(call.caller.user_no))

    async def change(self, call: Call[ConsentsChange, NoQuery]) -> Answer:
        """Agree, or take it back, which holds in campaigns that are under way, too."""
        user_no, now = call.caller.user_no, self._clock.now_ms()
        said: dict[ConsentKind, bool | None] = {
            "advertising": call.body.advertising,
            "advertising_night": call.body.advertising_night,
        }
        before = await self._consents.current(user_no)
        for kind, is_given in said.items():
            if is_given is not None and not _is_so(before, kind, is_given=is_given):
                await self._consents.put(user_no, Consent(kind, is_given, SOURCE, now))
        return Answer(200, await self._shown(user_no))

    async def _shown(self, user_no: int) -> Consents:
        current = await self._consents.current(user_no)
        return Consents(
            advertising=_is_so(current, "advertising", is_given=True),
            advertising_night=_is_so(current, "advertising_night", is_given=True),
            said={kind: ConsentWord(each.source, each.at) for kind, each in current.items()},
        )

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH,
                name="show_consents",
                summary="What one agrees to",
                handler=self.show,
                answers={200: Consents},
            ),
            Route(
                method="PUT",
                path=PATH,
                name="change_consents",
                summary="Agree to advertising, or take it back",
                handler=self.change,
                body=ConsentsChange,
                answers={200: Consents},
            ),
        )


def _is_so(current: Mapping[ConsentKind, Consent], kind: ConsentKind, *, is_given: bool) -> bool:
    return kind in current and current[kind].is_given == is_given
