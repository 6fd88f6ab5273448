"""Files as rows: what is on its way, what is kept and for whom, and who may have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from actors.ports import Files
from actors.records import Attached, FilesKey
from actors.rules.file_names import as_shown
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import FileInfo
from protocol.ids import Millis, UserId
from server.files.media import Made
from server.ids import keyed_id
from server.postgres.pool import Database, Transaction

# Who begins two uploads at once is asked about one after the other.
LOCK = "SELECT user_no FROM users WHERE user_no = $1 FOR NO KEY UPDATE"

USED = """
SELECT (SELECT coalesce(sum(f.size), 0) FROM files f WHERE f.owner_no = $1)::bigint AS files,
    (SELECT coalesce(sum(u.length), 0) FROM uploads u WHERE u.owner_no = $1)::bigint AS uploads,
    (SELECT count(*) FROM uploads u WHERE u.owner_no = $1) AS unfinished"""

BEGIN = """
INSERT INTO uploads (upload_id, owner_no, name, media_type, length, resumable, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""

UPLOAD = """
SELECT u.upload_id, u.owner_no, u.name, u.media_type, u.length, u.resumable, u.expires_at
FROM uploads u WHERE u.upload_id = $1 AND u.owner_no = $2 AND u.resumable"""

RECEIVED = "SELECT f.received FROM files f WHERE f.file_id = $1 AND f.owner_no = $2"

PROLONG = "UPDATE uploads SET expires_at = $2 WHERE upload_id = $1 RETURNING upload_id"

UNFINISHED = """
SELECT u.upload_id, u.name, u.length, u.expires_at FROM uploads u
WHERE u.owner_no = $1 AND u.resumable ORDER BY u.expires_at DESC, u.upload_id"""

GIVE_UP = "DELETE FROM uploads WHERE upload_id = $1"

CLAIM = """
INSERT INTO file_blobs AS b (digest, size, claimed_at)
SELECT decode(c.digest, 'hex'), c.size, $3 FROM unnest($1::text[], $2::bigint[]) AS c (digest, size)
ORDER BY 1
ON CONFLICT (digest) DO UPDATE SET claimed_at = greatest(b.claimed_at, excluded.claimed_at)"""

FINISH = """
WITH done AS (DELETE FROM uploads WHERE upload_id = $1 RETURNING upload_id, owner_no)
INSERT INTO files (file_id, owner_no, created_at, name, media_type, kind, size, received,
    width, height, duration_ms, content, thumbnail, preview)
SELECT done.upload_id, done.owner_no, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    decode($11, 'hex'), decode($12, 'hex'), decode($13, 'hex') FROM done
RETURNING file_id"""

COLUMNS = """f.file_id, f.name, f.media_type, f.kind, f.size, f.width, f.height, f.duration_ms,
    f.thumbnail IS NOT NULL AS has_thumbnail"""

MINE = f"""
SELECT f.created_at, f.posted, {COLUMNS} FROM files f
WHERE f.owner_no = $1 AND ($2::bigint IS NULL OR (f.created_at, f.file_id) < ($2, $3::text))
ORDER BY f.created_at DESC, f.file_id DESC LIMIT $4"""  # noqa: S608 - constants

REMOVE = "DELETE FROM files WHERE file_id = $1 AND owner_no = $2 AND NOT posted RETURNING file_id"

THERE = "SELECT f.posted FROM files f WHERE f.file_id = $1 AND f.owner_no = $2"

# $1 as its owner has it, or as a room shows it to those who are in it now, and, where $3, to admins
# while a report of the message is open; or as a broadcast that was delivered brought it, while
# neither of the two blocks the other.
FOR_READER = f"""
SELECT {COLUMNS}, found.blind, encode(f.content, 'hex') AS content,
    encode(f.thumbnail, 'hex') AS thumbnail, encode(f.preview, 'hex') AS preview,
    (SELECT b.size FROM file_blobs b WHERE b.digest = f.thumbnail) AS thumbnail_size,
    (SELECT b.size FROM file_blobs b WHERE b.digest = f.preview) AS preview_size,
    found.judged_in, me.user_no
FROM users me
CROSS JOIN LATERAL (
    SELECT o.file_no, false AS blind, NULL::integer AS judged_in FROM files o
    WHERE o.file_id = $1 AND o.owner_no = me.user_no
    UNION ALL
    SELECT p.file_no, r.display_mode = 'blind', NULL FROM room_files p
    JOIN chat_rooms r ON r.room_no = p.room_no AND r.is_active
    JOIN chat_members m ON m.room_no = p.room_no AND m.user_no = me.user_no AND m.is_active
    LEFT JOIN message_states s ON s.room_no = p.room_no AND s.seq = p.seq
    WHERE p.shown_id = $1 AND s.deleted_at IS NULL
    UNION ALL
    SELECT p.file_no, r.display_mode = 'blind', p.room_no FROM room_files p
    JOIN chat_rooms r ON r.room_no = p.room_no
    JOIN message_reports q ON q.room_no = p.room_no AND q.seq = p.seq AND q.status = 'open'
    WHERE p.shown_id = $1 AND me.role = 'admin' AND $3
    UNION ALL
    SELECT h.file_no, false, NULL FROM files h
    JOIN broadcasts b ON b.file_no = h.file_no AND b.status IN ('delivered', 'announced')
    JOIN broadcast_recipients t ON t.broadcast_no = b.broadcast_no AND t.recipient_no = me.user_no
    WHERE h.file_id = $1
        AND NOT EXISTS (SELECT FROM blocks_among(ARRAY[t.recipient_no, b.user_no]))
) found
JOIN files f ON f.file_no = found.file_no
WHERE me.user_id = $2 AND me.status = 'active'
ORDER BY found.judged_in NULLS FIRST LIMIT 1"""  # noqa: S608 - constants

READY = f"""
SELECT k.user_no, f.file_no, {COLUMNS}
FROM unnest($1::integer[], $2::text[]) AS k (user_no, file_id)
JOIN files f ON f.file_id = k.file_id AND f.owner_no = k.user_no"""  # noqa: S608 - constants


class Upload(NamedTuple):
    """One that is on its way. ``length``: of its bytes, or the most they may be."""

    id: str
    owner_no: int
    name: str
    media_type: str
    length: int
    resumable: bool
    expires_at: Millis


class Begun(NamedTuple):
    """An upload as its owner lists it, who can go on with it."""

    id: str
    name: str
    length: int
    expires_at: Millis


class FilePlace(NamedTuple):
    """Where a file is in the list of its owner's, also when it is gone."""

    created_at: Millis
    id: str


class Listed(NamedTuple):
    """A file as its owner lists it."""

    info: FileInfo
    created_at: Millis
    posted: bool


class Content(NamedTuple):
    """A content and how long it is."""

    digest: str
    size: int


class Judged(NamedTuple):
    """Where a file is reported, and the admin who may see it for that alone."""

    room_no: int
    user_no: int


class Readable(NamedTuple):
    """A file as one reader sees it, and what there is of it."""

    info: FileInfo
    content: Content
    thumbnail: Content | None
    preview: Content | None
    judged: Judged | None


class Use(NamedTuple):
    """Bytes that a user's files take, unfinished uploads included."""

    used: int
    unfinished: int


class FileStore:
    """Rows of files and uploads. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- on their way

    async def begin(self, upload: Upload, *, quota: int, most: int, exact: bool = True) -> Upload:
        """Make an upload known, with its place in the quota (0 for none) and at most *most* others.

        One that is not *exact* has what is left of the quota, where its length is more. Raises
        ProtocolError.
        """
        async with self._database.transaction() as transaction:
            await transaction.fetchrow(LOCK, upload.owner_no)
            use = await _use(transaction, upload.owner_no)
            left = quota - use.used if quota else upload.length
            if not exact:
                upload = upload._replace(length=max(1, min(upload.length, left)))
            if upload.length > left:
                raise over_quota(quota)
            if use.unfinished >= most:
                text = f"{most} uploads are not finished: finish or end one of them"
                raise ProtocolError(ErrorCode.CONFLICT, text)
            await transaction.execute(BEGIN, *upload)
        return upload

    async def upload(self, upload: str, owner_no: int) -> Upload | None:
        """The unfinished upload of that id, to its owner."""
        row = await self._database.fetchrow(UPLOAD, upload, owner_no)
        return None if row is None else Upload(*row)

    async def received(self, file: str, owner_no: int) -> int | None:
        """How long the upload was that this file came of; None where there is no such file."""
        received: int | None = await self._database.fetchval(RECEIVED, file, owner_no)
        return received

    async def prolong(self, upload: str, expires_at: Millis) -> None:
        """Give an upload more time. Raises ProtocolError where it is gone meanwhile."""
        if await self._database.fetchval(PROLONG, upload, expires_at) is None:
            raise ended()

    async def unfinished(self, owner_no: int) -> list[Begun]:
        """A user's uploads that can go on, the last one first."""
        return [Begun(*row) for row in await self._database.fetch(UNFINISHED, owner_no)]

    async def give_up(self, upload: str) -> None:
        """Forget an upload."""
        await self._database.execute(GIVE_UP, upload)

    async def claim(self, parts: Sequence[Content], *, at: Millis) -> None:
        """Say that these contents are needed: from here on nobody removes them for a while."""
        digests, sizes = [part.digest for part in parts], [part.size for part in parts]
        await self._database.execute(CLAIM, digests, sizes, at)

    async def finish(
        self,
        upload: Upload,
        made: Made,
        name: str,
        *,
        received: int,
        at: Millis,
        quota: int = 0,
    ) -> FileInfo:
        """Make a file of an upload. Raises ProtocolError where that is gone meanwhile, or has
        become more than the quota (0 for none) has left.
        """
        parts = [part and part.digest for part in (made.content, made.thumbnail, made.preview)]
        size = made.content.size
        told = (at, name, made.media_type, made.kind, size, received)
        shape = (made.width, made.height, made.duration_ms)
        async with self._database.transaction() as transaction:
            if quota and size > upload.length:
                await transaction.fetchrow(LOCK, upload.owner_no)
                use = await _use(transaction, upload.owner_no)
                if use.used - upload.length + size > quota:
                    raise over_quota(quota)
            done = await transaction.fetchrow(FINISH, upload.id, *told, *shape, *parts)
        if done is None:
            raise ended()
        return info_of(upload.id, name, made, size)

    # ---- kept

    async def use(self, owner_no: int) -> Use:
        """What a user's files take."""
        return await _use(self._database, owner_no)

    async def mine(self, owner_no: int, *, after: FilePlace | None, limit: int) -> list[Listed]:
        """A user's files, newest first, those below the file *after*."""
        at, file = after or (None, None)
        rows = await self._database.fetch(MINE, owner_no, at, file, limit)
        return [Listed(_info(row), row["created_at"], row["posted"]) for row in rows]

    async def remove(self, file: str, owner_no: int) -> None:
        """Forget a file that was never posted. Raises ProtocolError."""
        if await self._database.fetchval(REMOVE, file, owner_no) is None:
            posted = await self._database.fetchval(THERE, file, owner_no)
            if posted is None:
                raise ProtocolError(ErrorCode.NOT_FOUND)
            raise ProtocolError(
                ErrorCode.CONFLICT, "the file is posted: a message or a broadcast has it"
            )

    async def for_reader(
        self, file: str, user: UserId, *, as_admin: bool = False
    ) -> Readable | None:
        """The file, to its owner, to members of a room where a message shows it now, to those whom
        a broadcast brought it, and, *as_admin*, to admins who have to judge that message.
        """
        row = await self._database.fetchrow(FOR_READER, file, user, as_admin)
        if row is None:
            return None
        return Readable(
            as_shown(_info(row), file if row["blind"] else None),
            Content(row["content"], row["size"]),
            _content_of(row["thumbnail"], row["thumbnail_size"]),
            _content_of(row["preview"], row["preview_size"]),
            None if row["judged_in"] is None else Judged(row["judged_in"], row["user_no"]),
        )


class PostedFiles(Files):
    """The port Files: a blind room is shown another id and a plain name."""

    def __init__(self, database: Database, *, key: bytes) -> None:
        self._database, self._key = database, key

    async def ready(self, keys: Sequence[FilesKey]) -> Mapping[FilesKey, Sequence[Attached]]:
        """What their owners may post."""
        pairs = [(key.user_no, file) for key in keys for file in key.files]
        users, files = [user_no for user_no, _ in pairs], [file for _, file in pairs]
        rows = await self._database.fetch(READY, users, files)
        found = {(r["user_no"], r["file_id"]): Attached(r["file_no"], _info(r)) for r in rows}
        return {
            key: [self._posted(key, found[key.user_no, file]) for file in key.files]
            for key in keys
            if all((key.user_no, file) in found for file in key.files)
        }

    def _posted(self, key: FilesKey, file: Attached) -> Attached:
        text = f"{key.room_no}\n{file.info.id}".encode()
        blind_id = keyed_id(self._key, text) if key.blind else None
        return Attached(file.file_no, as_shown(file.info, blind_id))


def ended() -> ProtocolError:
    """``gone``: there is no such upload any more."""
    return ProtocolError(ErrorCode.GONE, "the upload was ended")


def over_quota(quota: int) -> ProtocolError:
    """``too_large``: not the file alone, but with all the others."""
    why = f"your files may take {quota} bytes together"
    return ProtocolError(ErrorCode.TOO_LARGE, why, fields={"quota": why})


def info_of(file: str, name: str, made: Made, size: int) -> FileInfo:
    """What is told of a file."""
    return FileInfo(
        id=file,
        name=name,
        type=made.media_type,
        size=size,
        kind=made.kind,
        width=UNSET if made.width is None else made.width,
        height=UNSET if made.height is None else made.height,
        duration_ms=UNSET if made.duration_ms is None else made.duration_ms,
        thumbnail=UNSET if made.thumbnail is None else True,
    )


def _info(row: Any) -> FileInfo:
    def told(name: str) -> Any:
        return UNSET if row[name] is None else row[name]

    return FileInfo(
        id=row["file_id"],
        name=row["name"],
        type=row["media_type"],
        size=row["size"],
        kind=row["kind"],
        width=told("width"),
        height=told("height"),
        duration_ms=told("duration_ms"),
        thumbnail=row["has_thumbnail"] or UNSET,
    )


def _content_of(digest: str | None, size: int | None) -> Content | None:
    return None if digest is None or size is None else Content(digest, size)


async def _use(asked: Database | Transaction, owner_no: int) -> Use:
    row = await asked.fetchrow(USED, owner_no)
    return Use(row["files"] + row["uploads"], row["unfinished"])
