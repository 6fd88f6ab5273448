"""The page as it is served: short, whole, and named by what it is."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import brotli
import pytest
from quart_trio import QuartTrio

from server.http.assets import asset_of, read_assets
from server.http.pages import pages_blueprint

WEB = Path(__file__).parents[3] / "server" / "web"
FIRST_VIEW, CHAT, CONSOLE, NOTIFICATIONS = 100_000, 208_000, 60_000, 42_000
BELL = "view_notifications.js"
"""What is behind the bell, and the one way to all that is about notifications alone."""
WORKER = "service_worker.js"
"""Of notifications, too; browsers load it by an address of its own."""
IMPORT = re.compile(r'(?:from|import)\s*"\./([\w.]+)"')
LATER = re.compile(r'import\s*\(\s*"\./([\w.]+)"')
DOCUMENTS = {"index.html": "app.js", "admin.html": "console.js"}
CODINGS = {"br": brotli.decompress, "gzip": gzip.decompress}


def scripts() -> dict[str, bytes]:
    files = read_assets(WEB)
    return {
        name: file.bodies["identity"].content
        for name, file in files.items()
        if name.endswith(".js")
    }


def first_view(sources: dict[str, bytes], entry: str) -> set[str]:
    """What a signed-in person's page imports before it shows anything."""
    return reached(sources, entry, IMPORT)


def visit(sources: dict[str, bytes], entry: str, *, but: str = "") -> set[str]:
    """All that a page can come to load, in both languages; *but*: without what leads there."""
    return reached(sources, entry, IMPORT, LATER, but=but) | {"look.js"}


def reached(
    sources: dict[str, bytes], entry: str, *ways: re.Pattern[str], but: str = ""
) -> set[str]:
    found, waiting = set(), [entry]
    while waiting:
        name = waiting.pop()
        if name in found or name == but:
            continue
        found.add(name)
        waiting += [each for way in ways for each in way.findall(sources[name].decode())]
    return found


def test_the_first_view_and_all_of_the_chat_stay_within_their_weight() -> None:
    sources = scripts()
    sizes = {name: len(source) for name, source in sources.items()}
    first, chat = (
        first_view(sources, "app.js") | {"look.js", "words_ko.js"},
        visit(sources, "app.js", but=BELL),
    )
    assert 20 < len(first) < len(chat)
    assert sum(sizes[name] for name in first) <= FIRST_VIEW
    assert sum(sizes[name] for name in chat) < CHAT


def test_what_is_behind_the_bell_stays_within_its_weight_and_no_other_way_leads_there() -> None:
    sources = scripts()
    chat = visit(sources, "app.js", but=BELL)
    behind = visit(sources, "app.js") - chat
    assert {name for name in sources if "notification" in name} <= behind
    assert sum(len(sources[name]) for name in behind | {WORKER}) <= NOTIFICATIONS
    assert BELL not in first_view(sources, "app.js")


def test_what_the_console_adds_and_a_visit_of_it_stay_within_their_weight() -> None:
    sources = scripts()
    sizes = {name: len(source) for name, source in sources.items()}
    chat, console = visit(sources, "app.js"), visit(sources, "console.js")
    assert "console.js" not in chat and chat | console == set(sources) - {WORKER}
    assert sum(sizes[name] for name in console - chat) <= CONSOLE
    spoken = {name for name in console if not name.endswith("_en.js")}
    assert spoken < console and sum(sizes[name] for name in spoken) <= FIRST_VIEW


@pytest.mark.parametrize(("document", "entry"), DOCUMENTS.items())
def test_a_document_names_what_its_first_view_imports(document: str, entry: str) -> None:
    page = (WEB / document).read_text(encoding="utf-8")
    named = re.findall(r'rel="modulepreload" href="/assets/([\w.]+)"', page)
    assert sorted(named) == sorted(first_view(scripts(), entry) - {entry})
    assert page.index('rel="preload" as="image"') < page.index("modulepreload")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("deflate", None),
        ("", None),
        (None, None),
        ("br;q=x,,;", None),
    ],
)
async def test_a_browser_gets_the_coding_it_takes(accepted: str | None, coding: str | None) -> None:
    client = page().test_client()
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    reply = await client.get("/assets/app.js", headers=headers)
    content = await reply.get_data(as_text=False)
    assert reply.headers.get("Content-Encoding") == coding
    assert reply.headers["Vary"] == "Accept-Encoding"
    assert CODINGS.get(coding or "", bytes)(content) == scripts()["app.js"]


async def test_each_coding_has_a_name_of_its_own_and_what_one_has_is_not_sent_again() -> None:
    client = page().test_client()
    tags = {}
    for coding in ("br", "gzip", "identity"):
        reply = await client.get("/assets/app.js", headers={"Accept-Encoding": coding})
        tags[coding] = reply.headers["ETag"]
        again = {"Accept-Encoding": coding, "If-None-Match": tags[coding]}
        same = await client.get("/assets/app.js", headers=again)
        assert (same.status_code, await same.get_data(as_text=False)) == (304, b"")
    assert len(set(tags.values())) == 3
    other = {"Accept-Encoding": "gzip", "If-None-Match": tags["br"]}
    assert (await client.get("/assets/app.js", headers=other)).status_code == 200


async def test_a_part_is_never_sent() -> None:
    reply = await page().test_client().get("/assets/app.js", headers={"Range": "bytes=0-9"})
    assert reply.status_code == 200
    assert await reply.get_data(as_text=False) == scripts()["app.js"]


def test_what_would_not_get_shorter_is_served_as_it_is() -> None:
    assert set(asset_of(b"{}", ".json").bodies) == {"identity"}
    assert set(asset_of(b"\x89PNG" * 1000, ".png").bodies) == {"identity"}


def page() -> QuartTrio:
    app = QuartTrio(__name__)
    app.register_blueprint(pages_blueprint(WEB))
    return app
