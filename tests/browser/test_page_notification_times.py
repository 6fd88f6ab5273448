"""When one wants to be told: quiet hours, a pause, and a sound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from bell import api, counts, notify, settings, wanted
from people import OpenWindow, Person, SignUp, until
from playwright.sync_api import expect


@pytest.fixture
def minji(person: SignUp) -> Person:
    return person("민지")


@pytest.fixture
def junho(person: SignUp, minji: Person) -> Person:
    """Somebody whom Minji may notify."""
    junho = person("준호")
    minji.room("산책", junho)
    return junho


def test_in_quiet_hours_the_list_has_it_at_once_and_says_why_it_was_silent(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page = window(junho)
    dialog = settings(page)
    box = dialog.get_by_role("checkbox", name="방해 금지 시간")
    box.check()
    now = datetime.now(UTC)
    start, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 1))
    dialog.get_by_role("combobox", name="시간대").select_option("UTC")
    for name, value in (("시작", start), ("끝", end)):
        dialog.get_by_label(name, exact=True).locator("visible=true").fill(value)
    save = dialog.get_by_role("button", name="저장")
    save.click()
    expect(page.locator("#toast")).to_have_text("저장했습니다")
    quiet = wanted(junho, "web")["quietHours"]
    assert quiet == {"start": start, "end": end, "days": [0, 1, 2, 3, 4, 5, 6]}
    silent = notify(minji, junho, "조용히 올 것")
    notify(junho, junho, "급한 것", type="calendar.reminder", priority=4)
    counts(page, 2)
    reasons = [each["reason"] for each in api(junho, "GET", f"/{silent}/why")["entries"]]
    assert reasons == ["quiet_hours"]
    box.uncheck()
    save.click()
    until(page, lambda: "quietHours" not in wanted(junho, "web"))
    heard = notify(minji, junho, "들릴 것")
    counts(page, 3)
    assert [each["reason"] for each in api(junho, "GET", f"/{heard}/why")["entries"]] == [""]


def test_times_are_saved_for_one_platform_or_for_all(window: OpenWindow, junho: Person) -> None:
    page = window(junho)
    dialog = settings(page)
    form = dialog.locator("form:visible").first
    dialog.get_by_role("radio", name="디스코드").check()
    form.get_by_role("checkbox", name="방해 금지 시간").check()
    expect(form.get_by_text("22:00부터 다음 날 07:00까지")).to_be_visible()
    for day in ("토요일", "일요일"):
        form.get_by_role("checkbox", name=day).uncheck()
    form.get_by_role("checkbox", name="알림 멈추기").check()
    ends = datetime.now().astimezone().replace(second=0, microsecond=0) + timedelta(days=2)
    form.get_by_label("언제까지").fill(f"{ends:%Y-%m-%dT%H:%M}")
    form.get_by_role("button", name="저장").click()
    expect(page.locator("#toast")).to_have_text("저장했습니다")
    said = wanted(junho, "discord")
    assert said["quietHours"] == {"start": "22:00", "end": "07:00", "days": [0, 1, 2, 3, 4]}
    assert said["dndMode"] and datetime.fromisoformat(said["dndUntil"]) == ends
    assert not wanted(junho, "push")["dndMode"]

    form.get_by_role("checkbox", name="다른 곳도 똑같이").check()
    form.get_by_role("button", name="저장").click()
    expect(form.get_by_role("checkbox", name="다른 곳도 똑같이")).not_to_be_checked()
    for platform in ("web", "push", "kakao"):
        assert wanted(junho, platform) == {**said}
    page.reload()
    settings(page)
    expect(form.get_by_label("언제까지")).to_have_value(f"{ends:%Y-%m-%dT%H:%M}")


def test_a_slip_in_times_is_said_beside_its_field_until_something_is_done(
    window: OpenWindow, junho: Person
) -> None:
    page = window(junho)
    dialog = settings(page)
    form = dialog.locator("form:visible").first
    dialog.get_by_role("radio", name="디스코드").check()
    form.get_by_role("checkbox", name="알림 멈추기").check()
    form.get_by_label("언제까지").fill("2020-01-01T09:00")
    form.get_by_role("button", name="저장").click()
    late = form.locator("label:has(input[type=datetime-local]) + .error")
    expect(late).to_have_text("알림을 멈출 시각이 이미 지났습니다.")
    expect(form.get_by_label("언제까지")).to_be_focused()
    dialog.get_by_role("radio", name="푸시").check()
    dialog.get_by_role("radio", name="디스코드").check()
    expect(late).to_be_empty()
    form.get_by_role("button", name="저장").click()
    expect(late).not_to_be_empty()
    form.get_by_label("언제까지").fill("")
    expect(late).to_be_empty()
    form.get_by_role("checkbox", name="방해 금지 시간").check()
    for day in ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일"):
        form.get_by_role("checkbox", name=day).uncheck(force=True)
    form.get_by_role("button", name="저장").click()
    expect(form.locator(".days + .error")).to_contain_text("요일을 하나라도")


def test_the_web_says_that_it_is_silent_and_the_others_that_they_wait(
    window: OpenWindow, junho: Person
) -> None:
    page = window(junho)
    dialog = settings(page)
    form = dialog.locator("form:visible").first
    expect(form.get_by_text("바로 보여 주고 소리만 내지 않습니다")).to_have_count(2)
    expect(form.get_by_text("모아")).to_have_count(0)
    dialog.get_by_role("radio", name="카카오톡").check()
    expect(form.get_by_text("소리만 내지 않습니다")).to_have_count(0)
    expect(form.get_by_text("모아")).to_have_count(2)


def test_times_that_are_not_saved_are_not_lost_without_a_question(
    window: OpenWindow, junho: Person
) -> None:
    page = window(junho)
    dialog, question = settings(page), page.locator("#question")
    form = dialog.locator("form:visible").first
    form.get_by_role("checkbox", name="소리로 알리기").uncheck()
    dialog.get_by_role("radio", name="푸시").check()
    form.get_by_role("checkbox", name="방해 금지 시간").check()
    form.get_by_role("checkbox", name="다른 곳도 똑같이").check()
    form.get_by_role("button", name="저장").click()
    expect(form.get_by_role("checkbox", name="다른 곳도 똑같이")).not_to_be_checked()
    assert wanted(junho, "web")["quietHours"] and wanted(junho, "web")["soundEnabled"]
    page.keyboard.press("Escape")
    expect(question).to_contain_text("저장되지 않아")
    question.get_by_role("button", name="취소").click()
    dialog.get_by_role("radio", name="웹").check()
    expect(form.get_by_role("checkbox", name="소리로 알리기")).not_to_be_checked()
    form.get_by_role("button", name="저장").click()
    until(page, lambda: wanted(junho, "web")["soundEnabled"] is False)
    expect(form.get_by_role("button", name="저장")).not_to_have_attribute("aria-busy", "true")
    dialog.get_by_role("button", name="닫기").first.click()
    expect(dialog).to_have_count(0)
    page.keyboard.press("Escape")
    settings(page)
    form.get_by_role("checkbox", name="알림 멈추기").check()
    dialog.get_by_role("button", name="닫기").first.click()
    question.get_by_role("button", name="저장하지 않고 닫기").click()
    expect(dialog).to_have_count(0)
    assert not wanted(junho, "web")["dndMode"]
