"""Who watches how campaigns and broadcasts go on, and what they are shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import trio

from actors.batcher import Batcher
from actors.campaign_ports import JobsWatched
from actors.ports import AdapterError, Claims, Standing
from actors.rules.campaign_states import TERMINAL
from actors.sessions import Connected
from actors.supervisor import Log
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ok
from protocol.notices import Progress, WatchJob
from protocol.refusals import error_frame

OVER: Final = frozenset(
    {status.value for status in TERMINAL} | {"announced", "cancelled", "failed"}
)
"""What a campaign, or a broadcast, does not become anything else from."""

WatchKey = tuple[int, str, str]
"""The user's number, his role and the job."""


def looks_at(
    jobs: JobsWatched | None,
) -> Callable[[Sequence[WatchKey]], Awaitable[Mapping[WatchKey, Progress]]]:
    """What a batcher asks: how far each job is that its user may watch; others are left out."""

    async def look(keys: Sequence[WatchKey]) -> Mapping[WatchKey, Progress]:
        found: dict[WatchKey, Progress] = {}
        for key in keys:
            if jobs is not None and await jobs.may_watch(*key):
                progress = await jobs.progress_of(key[2])
                found |= {} if progress is None else {key: progress}
        return found

    return look


class JobWatchers:
    """Shows each job to who watches it, once in EVERY_S at most, and only what is new.

    A job that runs on another node is looked at in the store once in LOOK_S.
    """

    EVERY_S: Final = 0.5
    LOOK_S: Final = 2.0
    LOOKS_MOST: Final = 20  # in one round
    JOBS_A_SESSION: Final = 20
    AT_ONCE: Final = 8  # frames of one session, until the first is answered
    MOST: Final = 1_000  # jobs that are watched here
    AGAIN_MS: Final = 1_000

    def __init__(
        self,
        jobs: JobsWatched | None,
        *,
        standings: Batcher[Claims, Standing],
        looks: Batcher[WatchKey, Progress],
        turn_ended: Callable[[], None],
        log: Log,
    ) -> None:
        self._jobs, self._standings, self._looks = jobs, standings, looks
        self._turn_ended, self._log = turn_ended, log
        self._by_job: dict[str, dict[Connected, None]] = {}
        self._by_session: dict[Connected, set[str]] = {}
        self._asked: dict[Connected, set[str]] = {}
        self._shown: dict[str, Progress] = {}
        self._news: dict[str, Progress] = {}
        self._heard_at: dict[str, float] = {}
        self._woken = trio.Event()

    # ---- who watches

    def watch(self, session: Connected, frame: WatchJob) -> None:
        """Begin or end watching; an error where the user may not, or watches too much."""
        asked = self._asked.setdefault(session, set())
        if not frame.on:
            asked.discard(frame.job)
            self._leave(session, frame.job)
            self._confirm(session, frame)
        elif len(asked) >= self.AT_ONCE:
            self._refuse(session, frame, ErrorCode.RATE_LIMITED)
        elif self._has_too_many(session, frame.job):
            self._refuse(session, frame, ErrorCode.CONFLICT)
        else:
            asked.add(frame.job)
            self._standings.ask(session.claims, partial(self._judge, session, frame))
        if not asked:
            del self._asked[session]

    def _has_too_many(self, session: Connected, job: str) -> bool:
        mine = self._by_session.get(session, set())
        is_one_more = job not in mine and len(mine) >= self.JOBS_A_SESSION
        return is_one_more or (job not in self._by_job and len(self._by_job) >= self.MOST)

    def _judge(
        self, session: Connected, frame: WatchJob, found: Standing | AdapterError | None
    ) -> None:
        if isinstance(found, AdapterError) or found is None:
            self._answer(session, frame, found)
        else:
            role = found.role if session.admits_admins else "user"
            key = (found.user_no, role, frame.job)
            self._looks.ask(key, partial(self._answer, session, frame))

    def _answer(
        self, session: Connected, frame: WatchJob, found: Progress | AdapterError | None
    ) -> None:
        asked = self._asked.get(session, set())
        is_wanted = frame.job in asked
        asked.discard(frame.job)
        if not asked:
            self._asked.pop(session, None)
        if session.gone:
            return
        if isinstance(found, AdapterError):
            self._refuse(session, frame, ErrorCode.UNAVAILABLE)
        elif found is None:
            self._refuse(session, frame, ErrorCode.NOT_FOUND)
        else:
            self._confirm(session, frame)
            if is_wanted:
                self._enter(session, found)

    def _enter(self, session: Connected, progress: Progress) -> None:
        job = progress.job
        self._by_job.setdefault(job, {})[session] = None
        self._by_session.setdefault(session, set()).add(job)
        self._shown.setdefault(job, progress)
        self._heard_at.setdefault(job, trio.current_time())
        session.offer_state(("progress", job), progress)
        self._woken.set()

    def _leave(self, session: Connected, job: str) -> None:
        mine, theirs = self._by_session.get(session, set()), self._by_job.get(job, {})
        mine.discard(job)
        theirs.pop(session, None)
        if not mine:
            self._by_session.pop(session, None)
        if not theirs:
            for known in (self._by_job, self._shown, self._news, self._heard_at):
                known.pop(job, None)

    def _confirm(self, session: Connected, frame: WatchJob) -> None:
        if frame.rid is not None:
            session.offer(Ok(rid=frame.rid))

    def _refuse(self, session: Connected, frame: WatchJob, code: ErrorCode) -> None:
        again = self.AGAIN_MS if code is ErrorCode.RATE_LIMITED else None
        session.offer(error_frame(ProtocolError(code, retry_after_ms=again), rid=frame.rid))

    # ---- what they are shown

    def changed(self, progress: Progress) -> None:
        """A job of this node is that far."""
        if progress.job in self._by_job:
            self._news[progress.job] = progress
            self._heard_at[progress.job] = trio.current_time()

    async def run(self) -> None:
        """Show what is new, until cancelled."""
        while True:
            if not self._by_job:
                await self._woken.wait()
            self._woken = trio.Event()
            await trio.sleep(self.EVERY_S)
            for session in [each for each in self._by_session if each.gone]:
                for job in list(self._by_session[session]):
                    self._leave(session, job)
            await self._look()
            self._show()

    def _show(self) -> None:
        news, self._news = self._news, {}
        for job, progress in news.items():
            if progress != self._shown.get(job):
                self._shown[job] = progress
                for session in self._by_job.get(job, {}):
                    session.offer_state(("progress", job), progress)
        self._turn_ended()

    async def _look(self) -> None:
        now = trio.current_time()
        due = [job for job, at in self._heard_at.items() if now >= at + self.LOOK_S]
        for job in [job for job in due if not self._is_over(job)][: self.LOOKS_MOST]:
            if job not in self._by_job:  # who watched it has left, while another was looked at
                continue
            self._heard_at[job] = now
            try:
                found = await self._jobs.progress_of(job) if self._jobs else None
            except AdapterError:
                return  # it is looked at again
            except Exception as error:  # noqa: BLE001 - one job must not keep the others from being seen
                self._log.error("progress_failed", job=job, exc_info=error)
            else:
                self._news |= {} if found is None or job not in self._by_job else {job: found}

    def _is_over(self, job: str) -> bool:
        return self._shown[job].status in OVER
