"""Passwords: kept as hashes, compared in threads, the same work for nobody."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import trio

from protocol.errors import ErrorCode, ProtocolError
from server import passwords as module
from server.passwords import Passwords


def quick(**changes: Any) -> Passwords:
    return Passwords(**({"time_cost": 1, "memory_kib": 64} | changes))


async def test_a_password_matches_its_own_hash_and_no_other() -> None:
    passwords = quick()
    stored = await passwords.hash("비밀번호")
    assert "비밀번호" not in stored
    assert stored.startswith("$argon2id$")
    assert stored != await passwords.hash("비밀번호")
    assert await passwords.matches("비밀번호", stored)
    assert not await passwords.matches("비밀번혀", stored)


async def test_a_syllable_may_be_typed_in_either_way() -> None:
    passwords = quick()
    stored = await passwords.hash("가")
    assert await passwords.matches("\u1100\u1161", stored)


async def test_nobody_s_password_never_matches_and_costs_the_same_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = quick()
    compared: list[str] = []
    compare = passwords._compare

    def noting(stored: str, password: str) -> bool:
        compared.append(stored)
        return compare(stored, password)

    monkeypatch.setattr(passwords, "_compare", noting)
    assert not await passwords.matches("x", None)
    assert not await passwords.matches("x", "no hash at all")
    assert len(compared) == 2
    assert compared[0].split("$")[:4] == (await passwords.hash("x")).split("$")[:4]


@pytest.mark.parametrize("password", ["", "x" * 257, "x" * 1_000_000])
async def test_an_impossible_password_is_refused_before_any_work(password: str) -> None:
    passwords = quick()
    for call in (passwords.hash(password), passwords.matches(password, None)):
        with pytest.raises(ProtocolError) as caught:
            await call
        assert caught.value.code is ErrorCode.INVALID
        assert caught.value.fields is not None
        assert list(caught.value.fields) == ["password"]


async def test_only_so_many_threads_work_at_once_and_the_loop_goes_on() -> None:
    passwords = quick(at_once=2)
    lock, working, most = threading.Lock(), [0], [0]
    release = threading.Event()

    def work() -> str:
        with lock:
            working[0] += 1
            most[0] = max(most[0], working[0])
        release.wait(5)
        with lock:
            working[0] -= 1
        return "done"

    done: list[str] = []

    async def one() -> None:
        done.append(await passwords._in_thread(work))

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(one)
        await trio.sleep(0.05)
        assert done == []
        release.set()
    assert done == ["done"] * 6
    assert most == [2]


async def test_more_waiting_requests_than_allowed_are_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    passwords = quick(at_once=1)
    release = threading.Event()
    refused: list[ProtocolError] = []

    async def one() -> None:
        try:
            await passwords._in_thread(lambda: release.wait(5))
        except ProtocolError as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
            await trio.sleep(0.02)
        release.set()
    assert [error.code for error in refused] == [ErrorCode.UNAVAILABLE]
    assert refused[0].retry_after_ms


async def test_a_request_gives_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITHIN", 0.05)
    passwords = quick(at_once=1)
    release = threading.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(passwords._in_thread, lambda: release.wait(5))
        await trio.sleep(0.02)
        with pytest.raises(ProtocolError) as caught:
            await passwords.hash("x")
        release.set()
    assert caught.value.code is ErrorCode.UNAVAILABLE
