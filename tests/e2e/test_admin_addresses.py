"""An admin's token alone is not enough: it counts from where admins may act."""

from __future__ import annotations

import time
from ipaddress import ip_network
from pathlib import Path
from urllib.error import HTTPError

import pytest
from http_world import HttpWorld, Person, open_http
from running_server import Person as Account
from running_server import RunningServer
from test_blind import grant
from test_session import Speaker

from server.http.campaign_envelope import is_enveloped
from server.http.route import Access
from server.settings import read_admin_addresses

FIGURES = "/api/v1/admin/broadcasts/figures"
SEND = "/api/admin/messages/send"
FROM_HERE = "admins may not act from this address"


async def status(http: HttpWorld, admin: Person, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (await http.ask("GET", FIGURES, token=admin.token, headers=named)).status


async def test_no_route_of_admins_answers_one_who_is_elsewhere(database_url: str) -> None:
    async with open_http(database_url) as http:
        admin = await http.admin()
        http.address = "203.0.113.9"
        routes = [route for route in http.routes if route.access is Access.ADMIN]
        assert len(routes) > 10
        for route in routes:
            path = route.path.translate({ord("{"): None, ord("}"): None})
            reply = await http.ask(route.method, path, token=admin.token)
            said = reply.json["data"] if is_enveloped(route.path) else reply.json
            assert (reply.status, said["code"]) == (403, "forbidden"), route
            assert said.get("detail", FROM_HERE) == FROM_HERE
            assert "127.0.0" not in reply.text
        rows = await http.database.fetch("SELECT 1 FROM audit_log WHERE actor_no IS NOT NULL")
        assert rows == []
        assert (await http.ask("GET", "/api/v1/me", token=admin.token)).status == 200
        assert (await http.ask("GET", "/")).status == 200, "pages are open to everybody"


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (None, ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"), ("10.0.0.1", "::2")),
        ("", (), ("127.0.0.1", "::1", "0.0.0.0", "::")),  # noqa: S104
        (" , ", (), ("127.0.0.1", "::1")),
        ("10.1.2.3", ("10.1.2.3", "::ffff:10.1.2.3"), ("10.1.2.4", "::10.1.2.3", "127.0.0.1")),
        ("::ffff:10.0.0.0/104", ("10.9.9.9", "::ffff:10.9.9.9"), ("11.0.0.1",)),
        ("::ffff:10.1.2.3", ("10.1.2.3",), ("10.1.2.4",)),
        ("2001:db8::/32", ("2001:db8::5", "2001:DB8:0::5"), ("2001:db9::5", "32.1.13.184")),
        ("fe80::/10", ("fe80::1%eth0",), ("::1",)),
        ("0.0.0.0/0", ("8.8.8.8", "::ffff:8.8.8.8"), ("2001:db8::5",)),
        ("::/0", ("2001:db8::5",), ("8.8.8.8", "::ffff:8.8.8.8", "a unix socket", "", "1.2.3")),
    ],
)
async def test_only_the_networks_of_the_list_admit(
    database_url: str, text: str | None, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    environ = {} if text is None else {"MADANG_ADMIN_ADDRESSES": text}
    async with open_http(database_url, admins_from=read_admin_addresses(environ)) as http:
        admin = await http.admin()
        found = {}
        for http.address in (*inside, *outside):
            found[http.address] = await status(http, admin)
        assert found == dict.fromkeys(inside, 200) | dict.fromkeys(outside, 403)


@pytest.mark.parametrize(
    ("peer", "forwarded", "answer"),
    [
        ("10.0.0.1", "127.0.0.1", 200),
        ("10.0.0.1", "::ffff:127.0.0.1", 200),
        ("::ffff:10.0.0.1", "::1", 200),
        ("10.0.0.1", "203.0.113.9", 403),
        ("10.0.0.1", "127.0.0.1, 203.0.113.9", 403),
        ("10.0.0.1", None, 403),
        # Another's header is not heard; who sends one stands for others, or lies.
        ("203.0.113.9", "127.0.0.1", 403),
        ("127.0.0.1", "127.0.0.1", 403),
        ("127.0.0.1", "203.0.113.9", 403),
        ("127.0.0.1", None, 200),
    ],
)
async def test_proxies_that_are_trusted_say_where_an_admin_is(
    database_url: str, peer: str, forwarded: str | None, answer: int
) -> None:
    async with open_http(database_url) as http:
        admin = await http.admin()
        http.address, http.proxies = peer, (ip_network("10.0.0.0/8"),)
        headers = {} if forwarded is None else {"X_Forwarded_For": forwarded}
        assert await status(http, admin, **headers) == answer


@pytest.mark.parametrize("forwarded", ["", "unknown", "203.0.113.9:80", "203.0.113.9, unknown"])
async def test_a_proxy_that_names_nobody_is_not_taken_for_the_client(
    database_url: str, forwarded: str
) -> None:
    """Though the proxy itself is where admins may act."""
    async with open_http(database_url) as http:
        admin = await http.admin()
        http.proxies = (ip_network("127.0.0.0/8"),)
        assert await status(http, admin, X_Forwarded_For=forwarded) == 403
        assert await status(http, admin, X_Forwarded_For="::1, 127.0.0.5") == 200


async def test_no_header_but_that_one_says_where_somebody_is(database_url: str) -> None:
    async with open_http(database_url) as http:
        admin = await http.admin()
        http.address, http.proxies = "203.0.113.9", (ip_network("10.0.0.0/8"),)
        for name in ("Remote_Addr", "X_Real_IP", "Forwarded", "X_Client_IP", "CF_Connecting_IP"):
            assert await status(http, admin, **{name: "127.0.0.1"}) == 403


def test_a_server_goes_by_its_settings(open_folder: Path) -> None:
    settings = {
        "MADANG_ADMIN_ADDRESSES": "10.0.0.0/8",
        "MADANG_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    with RunningServer(open_folder / "admin-addresses", **settings) as server:
        admin = server.sign_up("admin")
        grant(server, admin)
        headers = {"x-forwarded-for": "203.0.113.9, 10.1.2.3"}
        assert server.call("GET", FIGURES, token=admin.token, **headers)["broadcasts"] == 0
        for elsewhere in ({}, {"x-forwarded-for": "10.1.2.3, 203.0.113.9"}):
            with pytest.raises(HTTPError, match="403"):
                server.call("GET", FIGURES, token=admin.token, **elsewhere)


def test_an_admin_elsewhere_watches_no_campaign(open_folder: Path) -> None:
    settings = {
        "MADANG_ADMIN_ADDRESSES": "10.0.0.0/8,127.0.0.0/8",
        "MADANG_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    with RunningServer(open_folder / "admin-sockets", **settings) as server:
        admin = server.sign_up("admin")
        grant(server, admin)
        later = int(time.time() * 1000) + 3_600_000
        body = {"ageGroup": "TWENTIES", "message": "x", "scheduledAt": later}
        near = {"x-forwarded-for": "10.1.2.3"}
        job = server.call("POST", SEND, body, token=admin.token, **near)["data"]["jobId"]
        for forwarded, answer in (
            (None, "not_found"),  # a proxy that says nothing
            ("10.1.2.3", "ok"),
            ("203.0.113.9, 10.1.2.3", "ok"),
            ("203.0.113.9", "not_found"),
            ("10.1.2.3, 203.0.113.9", "not_found"),
            ("unknown", "not_found"),  # though the proxy itself is where admins may act
        ):
            assert watched(server, admin, job, forwarded) == answer, forwarded


def watched(server: RunningServer, admin: Account, job: str, forwarded: str | None = None) -> str:
    """How ``watch_job`` is answered to who connects so: the reply, or the error's code."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    with Speaker(server, additional_headers=headers) as speaker:
        speaker.enter(admin)
        speaker.say("watch_job", job=job, on=True, rid=1)
        while (frame := speaker.hear()).get("rid") != 1:
            assert frame["t"] != "progress", "before it is said that he may"
        return str(frame.get("code", frame["t"]))
