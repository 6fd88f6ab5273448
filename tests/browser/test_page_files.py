"""Files in the page: on their way, in messages, looked at, heard and saved."""

from __future__ import annotations

import io
import math
import re
import struct
import wave
from pathlib import Path

from people import OpenWindow, SignUp
from PIL import Image
from playwright.sync_api import FilePayload, Page, Route, expect


def photo(name: str = "남산.jpg", color: str = "#2f6a57") -> FilePayload:
    content = io.BytesIO()
    Image.new("RGB", (600, 400), color).save(content, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": content.getvalue()}


def tone(seconds: int = 2) -> FilePayload:
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        heights = (int(9000 * math.sin(step / 5)) for step in range(8000 * seconds))
        sound.writeframes(b"".join(struct.pack("<h", height) for height in heights))
    return {"name": "목소리.wav", "mimeType": "audio/wav", "buffer": content.getvalue()}


def text(name: str = "일정표.txt", size: int = 5_000) -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": b"a" * size}


def attach(page: Page, *files: FilePayload) -> None:
    page.locator("#composer [data-part=files]").set_input_files(list(files))


def arrived(page: Page, count: int) -> None:
    """That many files are in the tray, and all of them on the server."""
    expect(page.locator("#composer .tray li")).to_have_count(count)
    expect(page.locator("#composer .tray progress")).to_have_count(0)


def test_photos_are_sent_shown_in_their_place_and_leafed_through(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("사진", junho)
    page, other = window(minji, room), window(junho, room)
    attach(page, photo("하나.jpg"), photo("둘.jpg", "#f6d588"))
    arrived(page, 2)
    page.fill("#body", "둘 다 봐요")
    page.press("#body", "Enter")
    expect(page.locator("#composer .tray")).to_be_hidden()
    pictures = other.locator(".theirs .picture img")
    expect(pictures).to_have_count(2)
    expect(pictures.first).to_have_js_property("naturalWidth", 320)
    expect(other.locator(".theirs .bubble")).to_have_text("둘 다 봐요")

    pictures.first.click()
    viewer = other.locator("#viewer")
    expect(viewer.locator("h2")).to_have_text("하나.jpg")
    expect(viewer.locator("img")).to_be_visible()
    other.keyboard.press("ArrowRight")
    expect(viewer.locator("h2")).to_have_text("둘.jpg")
    other.keyboard.press("+")
    expect(viewer.locator(".stage.large img")).to_be_visible()
    with other.expect_download() as saved:
        viewer.get_by_role("button", name="내려받기").click()
    assert saved.value.suggested_filename == "둘.jpg"
    other.keyboard.press("Escape")
    expect(viewer).to_have_count(0)


def test_a_picture_has_its_space_before_it_is_there(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("사진", junho)
    page = window(minji, room)
    attach(page, photo())
    arrived(page, 1)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .picture")).to_be_visible()
    other = window(junho)
    other.route("**/thumbnail*", lambda route: None)
    other.locator("#room-list button").click()
    expect(other.locator("#room-about")).to_have_text("2명")
    box = other.locator(".theirs .picture").bounding_box()
    assert box is not None
    assert abs(box["width"] / box["height"] - 1.5) < 0.05
    assert box["width"] > 200


def test_sound_is_played_and_moved_and_a_file_is_saved(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("소리", junho)
    page, other = window(minji, room), window(junho, room)
    attach(page, tone(20), text())
    arrived(page, 2)
    page.press("#body", "Enter")
    sound = other.locator(".theirs .sound")
    expect(sound.locator(".time")).to_have_text("0:20")
    expect(other.locator("#room-list .preview")).to_have_text("민지: 파일")
    sound.get_by_role("slider").fill("10")
    expect(sound.locator(".time")).to_have_text("0:01")
    sound.get_by_role("button", name="재생").click()
    expect(sound.get_by_role("button", name="멈춤")).to_be_visible()
    row = other.locator(".theirs button.file")
    expect(row).to_contain_text("일정표.txt5.0 KB")
    with other.expect_download() as saved:
        row.click()
    assert Path(saved.value.path()).read_bytes() == b"a" * 5_000


def test_files_are_dropped_and_pasted(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji, minji.room("끌기"))
    give = """([where, kind, name]) => {
      const data = new DataTransfer();
      data.items.add(new File(["안녕"], name, { type: "text/plain" }));
      const options = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
      const Kind = kind === "paste" ? ClipboardEvent : DragEvent;
      const event = new Kind(kind, options);
      document.querySelector(where).dispatchEvent(event);
    }"""
    page.evaluate(give, ["#scroller", "dragover", "x"])
    expect(page.locator("#conversation.dropping")).to_be_visible()
    page.evaluate(give, ["#scroller", "drop", "끌어온.txt"])
    page.evaluate(give, ["#body", "paste", "붙인.txt"])
    arrived(page, 2)
    expect(page.locator(".dropping")).to_have_count(0)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored button.file")).to_have_count(2)


def test_an_upload_goes_on_where_it_broke(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji, minji.room("끊김"))
    asked: list[str] = []

    def break_once(route: Route) -> None:
        asked.append(route.request.method)
        if asked.count("PATCH") == 1 and route.request.method == "PATCH":
            route.abort()
        else:
            route.continue_()

    page.route("**/files/*/upload", break_once)
    attach(page, text())
    arrived(page, 1)
    assert asked.count("PATCH") == 2
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored button.file")).to_be_visible()


def test_what_fails_says_why_and_is_tried_again_or_taken_out(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("실패"))
    refuse = {"status": 413, "json": {"code": "too_large"}}
    page.route("**/chats/files", lambda route: route.fulfill(**refuse))
    attach(page, text("큰 것.txt"), text("다른 것.txt"))
    failed = page.locator("#composer .tray .failed")
    expect(failed).to_have_count(2)
    expect(failed.first).to_contain_text("너무 깁니다")
    page.fill("#body", "이것도요")
    page.press("#body", "Enter")
    expect(page.locator("#composer-error")).to_contain_text("올리지 못한 파일")
    page.unroute("**/chats/files")
    page.get_by_role("button", name="다시 시도: 큰 것.txt").click()
    page.get_by_role("button", name="빼기: 다른 것.txt").click()
    arrived(page, 1)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored button.file")).to_contain_text("큰 것.txt")


def test_the_name_of_a_file_is_text(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("이름", junho)
    page, other = window(minji, room), window(junho, room)
    name = "<img src=x onerror=alert(1)>.txt"
    attach(page, text(name))
    arrived(page, 1)
    expect(page.locator("#composer .tray strong")).to_have_text(name)
    page.press("#body", "Enter")
    expect(other.locator(".theirs button.file")).to_contain_text("onerror=alert(1)")
    expect(other.locator("#log [onerror], #log img")).to_have_count(0)


def test_a_voice_is_recorded_or_thrown_away(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji, minji.room("녹음"), permissions=["microphone"])
    page.click("#composer .mic")
    expect(page.locator(".recording meter")).to_be_visible()
    page.locator(".recording").get_by_role("button", name="취소").click()
    expect(page.locator(".recording")).to_have_count(0)
    expect(page.locator("#composer .tray")).to_have_count(0)
    page.click("#composer .mic")
    expect(page.locator(".recording .time")).to_have_text(re.compile("0:0[1-9]"))
    page.locator(".recording").get_by_role("button", name="녹음 붙이기").click()
    arrived(page, 1)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .sound .time")).to_contain_text("0:0")
