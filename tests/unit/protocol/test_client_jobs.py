"""What the client does of jobs that are watched when its connection breaks."""

from __future__ import annotations

from typing import Any

from test_client_core import hear, make_core, opened, taken, welcome, written

from protocol.client.core import Core


def watch(core: Core, job: str, *, on: bool = True) -> dict[str, Any]:
    core.request({"t": "watch_job", "job": job, "on": on}, lasting=True)
    [frame] = written(core)
    return frame


def watched(core: Core, *jobs: str) -> None:
    for job in jobs:
        hear(core, {"t": "ok", "rid": watch(core, job)["rid"]})


def broken(core: Core) -> Core:
    core.lost(1006, "", 0.0)
    return opened(core)


def refusal(frame: dict[str, Any], code: str, **more: Any) -> dict[str, Any]:
    return {"t": "error", "code": code, "message": "no", "rid": frame["rid"], **more}


def test_jobs_are_watched_on_the_next_connection_one_after_the_other() -> None:
    core = opened(make_core())
    watched(core, "b", "a")
    for _ in range(2):
        core.lost(1006, "", 0.0)
        core.opened()
        assert [frame["t"] for frame in written(core)] == ["hello"], "not before welcome"
        hear(core, welcome())
        seen = []
        while frames := written(core):
            [frame] = frames
            seen.append((frame["t"], frame["job"], frame["on"]))
            [answered] = hear(core, {"t": "ok", "rid": frame["rid"]})
            assert answered.number == frame["rid"], "so that the next is written"
        assert seen == [("watch_job", "a", True), ("watch_job", "b", True)]
    assert [event.t for event in taken(core)] == ["welcome"] * 2


def test_progress_reaches_the_program_as_it_comes() -> None:
    core = opened(make_core())
    told = {"t": "progress", "job": "a", "status": "COMPLETED", "total": 1, "done": 1, "failed": 0}
    hear(core, told)
    assert taken(core) == [told]


def test_a_job_that_was_refused_or_is_wanted_no_more_is_not_watched_again() -> None:
    core = opened(make_core())
    hear(core, refusal(watch(core, "refused"), "not_found"))
    watched(core, "ended", "kept")
    off = watch(core, "ended", on=False)
    broken(core)
    again, kept = written(core)
    assert again == off, "it is asked again, for it has no answer"
    assert kept["job"] == "kept"


def test_what_ends_while_it_is_asked_for_again_is_not_held_for_later() -> None:
    core = opened(make_core())
    watched(core, "a")
    [again] = written(broken(core))
    watch(core, "a", on=False)
    hear(core, refusal(again, "rate_limited", retry_after_ms=10))
    assert written(core, now=60.0) == []


def test_not_now_keeps_its_place_until_then() -> None:
    core = opened(make_core())
    watched(core, "a", "b")
    [first] = written(broken(core))
    hear(core, refusal(first, "rate_limited", retry_after_ms=2000), now=5.0)
    assert (written(core, now=6.9), core.held_until(6.9)) == ([], 7.0)
    [again] = written(core, now=7.0)
    assert (again["job"], core.held_until(7.0)) == ("a", None)
    hear(core, refusal(again, "unavailable"), now=8.0)
    assert core.held_until(8.0) == 9.0
    core.request({"t": "ping"}, lasting=False)
    assert [frame["t"] for frame in written(core, now=8.0)] == ["ping"], "others go on"


def test_the_program_is_told_of_a_job_that_is_shown_no_more() -> None:
    core = opened(make_core())
    watched(core, "a", "b")
    [first] = written(broken(core))
    hear(core, refusal(first, "not_found"))
    [second] = written(core)
    assert second["job"] == "b"
    [_, error] = taken(core)
    assert (error.t, error.code, error.job) == ("error", "not_found", "a")
    hear(core, {"t": "ok", "rid": second["rid"]})
    [only] = written(broken(core))
    assert only["job"] == "b"
