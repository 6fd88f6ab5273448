"""How notifications are told outside the page: versions of admins, over those of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import asyncpg

from actors.rules.notification_text import DEFAULTS, Template
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.postgres.audit import By, note
from server.postgres.pool import Database

Language = Literal["ko", "en"]
Kind = tuple[str, str]
"""A type and a language."""

CURRENT: Final = """
SELECT DISTINCT ON (notification_type, language)
    notification_type, language, version, title, message
FROM notification_templates ORDER BY notification_type, language, version DESC"""

HISTORY: Final = """
SELECT t.version, t.title, t.message, t.created_at, u.user_id
FROM notification_templates t LEFT JOIN users u ON u.user_no = t.created_by
WHERE t.notification_type = $1 AND t.language = $2 ORDER BY t.version DESC LIMIT $3"""

ADD: Final = """
INSERT INTO notification_templates
    (notification_type, language, version, title, message, created_by, created_at)
SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6
FROM notification_templates WHERE notification_type = $1 AND language = $2
RETURNING version"""

LOOK_S: Final = 30.0
"""So long another node may still tell the version before."""
VERSIONS_MOST: Final = 100


class Version(NamedTuple):
    """A version that ``by``, a user id, made."""

    version: int
    title: str
    message: str
    at: Millis
    by: str | None


class NotificationTemplates:
    """The templates; what is told by them is kept in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Mapping[Kind, Template] = {}

    async def look(self) -> float:
        """See what is new, in one node's round of work; seconds until the next look. Raises
        StoreUnavailable: then what was known last is told.
        """
        newest, known = await self._newest(), self._known
        # One that was made here meanwhile is newer than what was just read.
        self._known = {kind: max(each, known.get(kind, each)) for kind, each in newest.items()}
        return LOOK_S

    def current(self, type: str, language: str) -> Template:  # noqa: A002 - the field's name
        """The newest as of the last look, or that of the rules. Raises KeyError for a type or
        language that there is not.
        """
        kind = (type, language)
        return self._known.get(kind) or DEFAULTS[kind]

    async def all(self) -> Mapping[Kind, Template]:
        """The newest of every type and language. Raises StoreUnavailable."""
        return {**DEFAULTS, **await self._newest()}

    async def versions(self, type: str, language: Language) -> Sequence[Version]:  # noqa: A002
        """Those that were made, newest first. Raises StoreUnavailable."""
        rows = await self._database.fetch(HISTORY, type, language, VERSIONS_MOST)
        return [Version(*row) for row in rows]

    async def add(
        self,
        type: str,  # noqa: A002
        language: Language,
        title: str,
        message: str,
        by: By,
    ) -> Template:
        """Make the next version. Raises ProtocolError where somebody else just did."""
        try:
            async with self._database.transaction() as t:
                new = (type, language, title, message, by.actor_no, by.at)
                version = await t.fetchval(ADD, *new)
                about = {"type": type, "language": language, "version": version}
                await note(t, "notification.template_change", by, **about)
        except asyncpg.UniqueViolationError:
            text = "somebody else changed it at the same time"
            raise ProtocolError(ErrorCode.CONFLICT, text) from None
        made = Template(version, title, message)
        self._known = {**self._known, (type, language): made}
        return made

    async def _newest(self) -> dict[Kind, Template]:
        rows = await self._database.fetch(CURRENT)
        return {(row[0], row[1]): Template(*row[2:]) for row in rows}
