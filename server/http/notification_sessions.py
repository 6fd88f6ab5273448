"""Where one is reached right now: one's own sockets, and chats with bots."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from actors.ports import Claims
from actors.requests import Requests
from protocol.close import CloseCode
from protocol.errors import ErrorCode, ProtocolError
from server.http.notification_schemas import utc
from server.http.route import Answer, Call, NoQuery, Route
from server.live_sessions import LiveSessions
from server.postgres.realtime_sessions import RealtimeSession, SessionType
from server.postgres.users import UserStore

PATH: Final = "/api/notifications/sessions"


class SessionShown(msgspec.Struct, rename="camel"):
    """A socket (``web``), whose ``id`` is that of its ``welcome``, or a chat with a bot."""

    id: str
    type: SessionType
    platform_data: dict[str, Any]
    last_activity: datetime
    created_at: datetime


class SessionsShown(msgspec.Struct):
    """One's active sessions, the latest first."""

    sessions: list[SessionShown]


class SessionRoutes:
    """The routes of one's own sessions."""

    def __init__(self, live: LiveSessions, *, users: UserStore, requests: Requests) -> None:
        self._live, self._users, self._requests = live, users, requests

    async def list(self, call: Call[None, NoQuery]) -> Answer:
        """Active ones. Of a node that died they are listed for some minutes more."""
        found = await self._live.of(call.caller.user_no, call.caller.user_id)
        return Answer(200, SessionsShown([_shown(each) for each in found]))

    async def end(self, call: Call[None, NoQuery]) -> Answer:
        """Sign out where that socket is: its token is revoked, and all sockets of the token close:
        those of this node at once, those of others within half a minute.

        A chat with a bot ends when its endpoint is deleted.
        """
        user_no, user, wanted = call.caller.user_no, call.caller.user_id, call.path["session"]
        if socket := self._live.socket(user, wanted):
            await self._sign_out(socket.claims)
            return Answer(204)
        mine = await self._live.of(user_no, user)
        found = next((each for each in mine if each.session_id == wanted), None)
        if found is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        if found.session_type != "web":
            raise ProtocolError(ErrorCode.CONFLICT, "delete the endpoint to end a bot's chat")
        if found.jti is not None and found.token_expires_at is not None:
            await self._sign_out(Claims(user, found.jti, 0, found.token_expires_at))
        await self._live.forget(user_no, wanted)
        return Answer(204)

    async def _sign_out(self, claims: Claims) -> None:
        await self._users.revoke(claims)
        code = CloseCode.UNAUTHENTICATED
        self._requests.sign_out(claims.user, jti=claims.jti, code=code)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH,
                name="list_sessions",
                summary="One's own sockets and chats with bots",
                handler=self.list,
                answers={200: SessionsShown},
            ),
            Route(
                method="DELETE",
                path=PATH + "/{session}",
                name="end_session",
                summary="Sign out where a socket is",
                handler=self.end,
                answers={204: None},
                refusals=(409,),
            ),
        )


def _shown(session: RealtimeSession) -> SessionShown:
    return SessionShown(
        id=session.session_id,
        type=session.session_type,
        platform_data=dict(session.platform_data),
        last_activity=utc(session.last_activity),
        created_at=utc(session.created_at),
    )
