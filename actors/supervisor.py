"""Restart intensity, and the supervisor of the node's long-lived tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from actors.ref import ActorError


class Log(Protocol):
    """Structured log: an event name and its values."""

    def info(self, event: str, **values: object) -> None: ...
    def warning(self, event: str, **values: object) -> None: ...
    def error(self, event: str, **values: object) -> None: ...


class RestartIntensityExceeded(ActorError):
    """A child crashed too often; the failure belongs to the parent now."""


def too_intense(crashes: list[float], now: float, *, intensity: int, period: float) -> bool:
    """Note a crash at *now*; True when more than *intensity* fell within *period* seconds.

    After ``add_restart`` of Erlang/OTP's ``supervisor.erl``.

    >>> crashes = [0.0, 1.0]
    >>> too_intense(crashes, 1.5, intensity=2, period=5.0)
    True
    >>> too_intense(crashes, 9.0, intensity=2, period=5.0)
    False
    """
    crashes.append(now)
    while crashes[0] < now - period:
        del crashes[0]
    return len(crashes) > intensity


class Supervisor:
    """One-for-one supervisor of tasks: a crash restarts that task and no sibling."""

    def __init__(
        self, nursery: trio.Nursery, *, log: Log, intensity: int = 3, period: float = 5.0
    ) -> None:
        self._nursery, self._log = nursery, log
        self._intensity, self._period = intensity, period

    def spawn(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Keep ``run()`` going; it ends for good when it returns or is cancelled."""
        self._nursery.start_soon(self._keep_alive, name, run, name=name)

    async def _keep_alive(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        crashes: list[float] = []
        while True:
            try:
                await run()
            except Exception as exc:
                self._log.error("task_crashed", task=name, exc_info=exc)
                limits = {"intensity": self._intensity, "period": self._period}
                if too_intense(crashes, trio.current_time(), **limits):  # type: ignore[arg-type]
                    raise RestartIntensityExceeded(name) from exc
                await trio.sleep(0.1 * 2 ** (len(crashes) - 1))
            else:
                return
