"""Close codes. The range alone tells a client whether to come back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class CloseCode(IntEnum):
    """4000-4499: connect again and resume. 4500-4999: not with this token, or not like this."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    BAD_DATA = 1007
    TOO_LARGE = 1009
    INTERNAL = 1011
    DRAINED = 4001
    TOO_SLOW = 4008
    TOO_MANY_REQUESTS = 4029
    NO_TRAFFIC = 4030
    ABUSE = 4500
    UNAUTHENTICATED = 4501
    TOKEN_EXPIRED = 4502
    SUSPENDED = 4503
    TOO_MANY_CONNECTIONS = 4504

    @property
    def may_reconnect(self) -> bool:
        """Whether a client should come back with the same token.

        >>> CloseCode.TOO_SLOW.may_reconnect, CloseCode.SUSPENDED.may_reconnect
        (True, False)
        """
        return self < CloseCode.ABUSE


MEANING: Mapping[CloseCode, str] = {
    CloseCode.NORMAL: "Closed as the client asked.",
    CloseCode.GOING_AWAY: "The server is going away; connect again and resume.",
    CloseCode.PROTOCOL_ERROR: "The bytes are not WebSocket as RFC 6455 has it.",
    CloseCode.BAD_DATA: "A text message is not UTF-8.",
    CloseCode.TOO_LARGE: "A message is larger than `max_frame`.",
    CloseCode.INTERNAL: "The server failed.",
    CloseCode.DRAINED: "Drained to another node; connect again and resume.",
    CloseCode.TOO_SLOW: "The client read too slowly; connect again and resume with nothing lost.",
    CloseCode.TOO_MANY_REQUESTS: "The client kept sending while it was rate limited.",
    CloseCode.NO_TRAFFIC: "Nothing came for twice `ping_ms`.",
    CloseCode.ABUSE: "Sixteen frames in a row were no frames.",
    CloseCode.UNAUTHENTICATED: "No valid token came in time.",
    CloseCode.TOKEN_EXPIRED: "The token has expired; a fresh one may connect.",
    CloseCode.SUSPENDED: "The account is suspended or deleted.",
    CloseCode.TOO_MANY_CONNECTIONS: "The user has too many connections open.",
}
