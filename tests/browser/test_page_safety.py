"""Whatever people write, in bodies and in names, is shown as text and does nothing."""

from __future__ import annotations

from people import OpenWindow, SignUp
from playwright.sync_api import expect

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "<svg/onload=alert(3)>",
    "<iframe src=javascript:alert(4)></iframe>",
    "javascript:alert(5)",
    "<a href='javascript:alert(6)'>click</a>",
    '"><body onload=alert(7)>',
    "'-alert(8)-'",
    "<style>*{display:none}</style>",
    "<math><mtext></p><img src=x onerror=alert(9)>",
    "${alert(10)} {{alert(11)}} <%= alert(12) %>",
    'https://example.com/"onmouseover="alert(13)',
    "<base href=//example.com/><form action=//example.com><button>go</button></form>",
    "<meta http-equiv=refresh content=0;url=//example.com>",
    "\u202ereversed\u202c &lt;b&gt; &amp;",
]


def test_a_hostile_body_is_shown_as_it_was_written(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("안전", junho)
    page = window(junho, room)
    for payload in PAYLOADS:
        page.fill("#body", payload)
        page.press("#body", "Enter")
    expect(page.locator(".mine.stored .bubble")).to_have_text(PAYLOADS, use_inner_text=False)
    other = window(minji, room)
    expect(other.locator(".theirs .bubble")).to_have_text(PAYLOADS, use_inner_text=False)
    inside = other.locator("#log").locator(
        "script, img, iframe, style, form, base, meta, math, [onerror], [onload]"
    )
    expect(inside).to_have_count(0)
    links = other.locator("#log a").evaluate_all("links => links.map(link => link.protocol)")
    assert links == ["https:"]


def test_markup_is_shown_and_no_html(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("꾸밈", junho)
    minji.say(room, "*굵게* _기울여_ `<i>x</i>`\n> *인용*\n```\n<b>\n```https://example.com/a_b_c")
    bubble = window(junho, room).locator(".theirs .bubble")
    for tag, text in {
        ":scope > strong": "굵게",
        ":scope > em": "기울여",
        ":scope > code": "<i>x</i>",
        "blockquote strong": "인용",
        "pre": "<b>",
        "a": "https://example.com/a_b_c",
    }.items():
        expect(bubble.locator(tag)).to_have_text(text)
    expect(bubble.locator("i, b")).to_have_count(0)


def test_hostile_names_of_people_and_rooms_are_text(window: OpenWindow, person: SignUp) -> None:
    name = "<img src=x onerror=alert(1)>"
    minji, other = person(name), person("준호")
    room = minji.room("<svg onload=alert(2)>", other)
    minji.say(room, "안녕")
    page = window(other, room)
    page.click("#members-toggle")
    expect(page.locator(".sender")).to_have_text(name)
    expect(page.locator("#member-list strong", has_text=name)).to_be_visible()
    expect(page.locator("#room-name")).to_have_text("<svg onload=alert(2)>")
    expect(page.locator("#chat [onerror], #chat [onload]")).to_have_count(0)


def test_nothing_is_fetched_from_elsewhere(
    window: OpenWindow, person: SignUp, address: str
) -> None:
    minji = person("민지")
    room = minji.room("혼자")
    asked = []
    page = window()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/#/room/{room}")
    page.reload()
    assert asked
    assert [url for url in asked if not url.startswith(address)] == []
