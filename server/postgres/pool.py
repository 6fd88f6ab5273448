"""PostgreSQL for trio: a bounded pool of asyncpg connections behind one thin seam."""

from __future__ import annotations

import asyncio  # noqa: TID251 - asyncpg's loop, through trio-asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import asyncpg
import trio
import trio_asyncio

from actors.ports import OutcomeUnknown, StoreUnavailable

T = TypeVar("T")

CONNECT_WITHIN = 5.0
COMMIT_WITHIN = 10.0
APP_ROLE = "madang_app"
"""The server's own: bound by the policies of what belongs to one user alone."""
SETTLE_WITHIN = 2.0

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""The database is away, going away or full; nothing is wrong with the statement."""

WRONG_DATA = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)
"""What a statement's own data is refused with: the only errors of asyncpg that callers meet."""

NOT_STORED = (asyncpg.InsufficientResourcesError, asyncpg.QueryCanceledError)
"""Of what ends a statement from outside, these undo it for certain and leave the connection."""


class Log(Protocol):
    """The one thing wanted of a logger."""

    def warning(self, event: str, **fields: object) -> object:
        """Note *event*."""


def quiet_loop(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    """Have *loop* log what its callbacks raise; unhandled, it would end the loop's nursery."""

    def note(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        log.warning("asyncio", said=context.get("message"), error=repr(context.get("exception")))

    loop.set_exception_handler(note)


class Transaction:
    """Statements on one connection. Every call has a deadline in seconds.

    A call raises StoreUnavailable when the database is away, cannot be used or does not answer in
    time, and one of WRONG_DATA when the statement's data is at fault.
    """

    def __init__(self, connection: Any, loop: trio_asyncio.BaseTrioEventLoop) -> None:
        self._connection = connection
        self._loop = loop

    async def fetch(self, sql: str, *args: object, within: float = 10.0) -> list[Any]:
        """All rows."""
        return await used(self._loop, self._connection.fetch, sql, *args, within=within)

    async def fetchrow(self, sql: str, *args: object, within: float = 10.0) -> Any:
        """The first row, or None."""
        return await used(self._loop, self._connection.fetchrow, sql, *args, within=within)

    async def fetchval(self, sql: str, *args: object, within: float = 10.0) -> Any:
        """The first column of the first row, or None."""
        return await used(self._loop, self._connection.fetchval, sql, *args, within=within)

    async def execute(self, sql: str, *args: object, within: float = 10.0) -> str:
        """The command's tag."""
        return await used(self._loop, self._connection.execute, sql, *args, within=within)


class Database:
    """At most *size* connections; a caller waits for one no longer than for the answer itself."""

    def __init__(self, url: str, pool: Any, loop: trio_asyncio.BaseTrioEventLoop, log: Log) -> None:
        self.url = url
        self.loop = loop
        self._pool = pool
        self._log = log

    async def fetch(self, sql: str, *args: object, within: float = 10.0) -> list[Any]:
        """All rows."""
        return await self._call("fetch", sql, args, within)  # type: ignore[no-any-return]

    async def fetchrow(
        self, sql: str, *args: object, within: float = 10.0, once: bool = False
    ) -> Any:
        """The first row, or None. A lost answer of what is to be done *once* is OutcomeUnknown."""
        return await self._call("fetchrow", sql, args, within, once=once)

    async def fetchval(
        self, sql: str, *args: object, within: float = 10.0, once: bool = False
    ) -> Any:
        """The first column of the first row, or None. *once*: as above."""
        return await self._call("fetchval", sql, args, within, once=once)

    async def execute(self, sql: str, *args: object, within: float = 10.0) -> str:
        """The command's tag."""
        return await self._call("execute", sql, args, within)  # type: ignore[no-any-return]

    def acting(
        self, user_no: int, *, within: float = 10.0
    ) -> AbstractAsyncContextManager[Transaction]:
        """A transaction for one user: of what policies guard, his own rows are there alone."""
        begin = f"BEGIN; SET LOCAL ROLE {APP_ROLE}; SET LOCAL madang.user_no = '{int(user_no)}'"
        return self.transaction(within=within, begin=begin)

    def service(self, *, within: float = 10.0) -> AbstractAsyncContextManager[Transaction]:
        """A transaction for the server's own work, in which everybody's rows are there."""
        return self.transaction(within=within, begin="BEGIN; SET LOCAL ROLE madang_service")

    @asynccontextmanager
    async def transaction(
        self, *, within: float = 10.0, begin: str = "BEGIN"
    ) -> AsyncIterator[Transaction]:
        """A transaction: committed at the end of the block, rolled back when it raises.

        *within* bounds the wait for a connection. A commit whose answer was lost is OutcomeUnknown.
        """
        acquire = partial(self._pool.acquire, timeout=within)
        connection = await reached(self.loop, acquire, within=within)
        try:
            await used(self.loop, connection.execute, begin, within=within)
            yield Transaction(connection, self.loop)
            await self._commit(connection)
        finally:
            await self._release(connection)

    async def _call(
        self, method: str, sql: str, args: tuple[object, ...], within: float, *, once: bool = False
    ) -> Any:
        begun = False

        async def run() -> Any:
            nonlocal begun
            async with self._pool.acquire(timeout=within) as connection:
                begun = True
                return await getattr(connection, method)(sql, *args)

        try:
            return await settled(self.loop, run, within=within)
        except asyncpg.PostgresError as error:
            if begun and isinstance(error, WRONG_DATA):
                raise
            if begun:
                self._log.warning("statement_refused", error=f"{type(error).__name__}: {error}")
            raise _unavailable(error) from error
        except StoreUnavailable as error:
            if once and begun and not _undone(error.__cause__):
                raise OutcomeUnknown(str(error)) from error
            raise

    async def _commit(self, connection: Any) -> None:
        try:
            with trio.CancelScope(shield=True):
                await used(self.loop, connection.execute, "COMMIT", within=COMMIT_WITHIN)
        except StoreUnavailable as error:
            if _undone(error.__cause__):
                raise
            raise OutcomeUnknown(str(error)) from error

    async def _release(self, connection: Any) -> None:
        """Give *connection* back without a transaction; one that does not answer is thrown away."""

        async def settle() -> None:
            try:
                if connection.is_in_transaction():
                    await connection.execute("ROLLBACK")
            finally:
                await self._pool.release(connection, timeout=SETTLE_WITHIN)

        try:
            with trio.CancelScope(shield=True):
                await settled(self.loop, settle, within=SETTLE_WITHIN)
        except (StoreUnavailable, asyncpg.PostgresError) as error:
            self._log.warning("connection_discarded", error=str(error))


async def settled(
    loop: trio_asyncio.BaseTrioEventLoop,
    call: Callable[..., Awaitable[T]],
    *args: object,
    within: float,
) -> T:
    """Run asyncpg's *call*; StoreUnavailable when the database is away or *within* has passed."""
    try:
        with trio.fail_after(within):
            return await loop.run_aio_coroutine(_awaited(call, args))  # type: ignore[no-any-return]
    except trio.TooSlowError as error:
        raise StoreUnavailable(f"PostgreSQL: no answer within {within:g} s") from error
    except LOST as error:
        raise _unavailable(error) from error


async def used(
    loop: trio_asyncio.BaseTrioEventLoop,
    call: Callable[..., Awaitable[T]],
    *args: object,
    within: float,
) -> T:
    """The same for a statement that is sound: StoreUnavailable, too, when the database refuses it.

    A table that is being restored, rights that were taken away, a standby: all that is an outage.
    """
    try:
        return await settled(loop, call, *args, within=within)
    except WRONG_DATA:
        raise
    except asyncpg.PostgresError as error:
        raise _unavailable(error) from error


async def reached(
    loop: trio_asyncio.BaseTrioEventLoop, call: Callable[..., Awaitable[T]], *, within: float
) -> T:
    """The same for connecting: whatever the server says against it, there is no connection."""
    try:
        return await settled(loop, call, within=within)
    except asyncpg.PostgresError as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {error}")


def _undone(cause: BaseException | None) -> bool:
    """Whether a statement that ended with *cause* is known to have changed nothing."""
    if isinstance(cause, (*NOT_STORED, asyncpg.InterfaceError)):
        return True  # the latter: the connection was lost before, and nothing was sent
    return isinstance(cause, asyncpg.PostgresError) and not isinstance(cause, LOST)


async def _awaited(call: Callable[..., Awaitable[T]], args: tuple[object, ...]) -> T:
    return await call(
        *args
    )  # called here, for asyncpg refuses some calls before there is a coroutine


async def connect(
    url: str,
    loop: trio_asyncio.BaseTrioEventLoop,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """A connection outside the pool; StoreUnavailable when there is none to have."""
    told = {"application_name": "madang", **settings}
    call = partial(asyncpg.connect, url, loop=loop, server_settings=told)
    return await reached(loop, call, within=CONNECT_WITHIN)


@asynccontextmanager
async def open_database(
    url: str, *, size: int = 8, role: str | None = None, log: Log
) -> AsyncIterator[Database]:
    """A pool for *url*, inside ``trio_asyncio.open_loop()``. It connects when first used.

    With a *role* nothing is done as the owner of the tables, so that their policies hold.
    """
    loop = trio_asyncio.current_loop.get()
    assert loop is not None, "open_database wants trio_asyncio.open_loop() around it"  # noqa: S101
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        reset=_keep_as_it_is,
        max_inactive_connection_lifetime=0,
        timeout=CONNECT_WITHIN,
        loop=loop,
        server_settings={"application_name": "madang", **({"role": role} if role else {})},
    )
    await loop.run_aio_coroutine(_ready(pool))
    try:
        yield Database(url, pool, loop, log)
    finally:
        with trio.move_on_after(SETTLE_WITHIN, shield=True):
            await loop.run_aio_coroutine(pool.close())
        pool.terminate()


async def _ready(pool: Any) -> None:
    await pool


async def _keep_as_it_is(_: Any) -> None:
    """Nothing here sets session state, so that a RESET would be a round trip for nothing."""
