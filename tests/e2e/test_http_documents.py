"""The OpenAPI document, the reading page, the page and its assets, the metrics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from http_world import WEB, open_http
from msgspec import structs
from prometheus_client import Counter

import protocol
from protocol.errors import ErrorCode
from server.edge.routes import SEEDS
from server.http.assets import CONTENT_TYPES
from server.http.openapi import refusals_of
from server.http.pages import PAGES

METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}


async def test_the_document_declares_every_route_with_real_schemas(database_url: str) -> None:
    async with open_http(database_url) as http:
        document = await http.openapi()
        assert document["openapi"].startswith("3.1")
        operations = {
            (method.upper(), path): operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        assert set(operations) == {(route.method, route.path) for route in http.routes}
        names = [operation["operationId"] for operation in operations.values()]
        assert len(names) == len(set(names))
        for route in http.routes:
            operation = operations[route.method, route.path]
            statuses = {int(status) for status in operation["responses"]}
            assert statuses == {*route.answers, *refusals_of(route)}
            takes = route.body is not None or route.takes_bytes
            assert ("requestBody" in operation) == takes
            if route.form is not None:
                schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
                fields = {field.encode_name for field in structs.fields(route.form)}
                assert set(schema["properties"]) == {route.file, *fields}
            assert operation["summary"]
            assert operation["description"]
            path_names = set(re.findall(r"\{(\w+)\}", route.path))
            declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert declared == path_names


async def test_the_calls_that_the_wires_specification_names_exist(database_url: str) -> None:
    page = (Path(protocol.__file__).parent / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/api/v1/[\w/{}]+)", page)
    sockets = {("GET", path) for path in SEEDS}
    async with open_http(database_url) as http:
        routes = {(route.method, route.path) for route in http.routes}
        assert len(named) > 5 and set(named) - sockets <= routes


async def test_every_reference_leads_to_a_schema_that_says_something(database_url: str) -> None:
    async with open_http(database_url) as http:
        document = await http.openapi()
        schemas = document["components"]["schemas"]
        references = set(_references(document))
        assert len(references) > 20
        assert {reference.rsplit("/", 1)[-1] for reference in references} == set(schemas)
        for name, schema in schemas.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema.get("enum") or schema["properties"], name
        assert "code" in schemas["Problem"]["required"]
        assert {"seq", "dup", "at"} <= set(schemas["Posted"]["required"])


async def test_what_is_said_is_said_to_its_end(database_url: str) -> None:
    async with open_http(database_url) as http:
        document = await http.openapi()
        operations = [each for path in document["paths"].values() for each in path.values()]
        answers = [answer for each in operations for answer in each["responses"].values()]
        headers = [header for each in answers for header in each.get("headers", {}).values()]
        schemas = document["components"]["schemas"]
        for each in (*operations, *answers, *headers, *schemas.values()):
            assert each.get("description", "None.").endswith("."), each
        assert all(name.isidentifier() for name in schemas), "two structs have the same name"


@pytest.mark.parametrize(
    ("fields", "good"),
    [
        ({"recipient_count": 10}, True),
        ({"recipient_count": 100, "gender": "other", "region": "서울", "age_to": 30}, True),
        ({}, False),
        ({"recipient_count": 101}, False),
        ({"recipient_count": 10, "gender": "x"}, False),
        ({"recipient_count": 10, "gender": None}, False),
        ({"recipient_count": 10, "regoin": "서울"}, False),
    ],
)
async def test_a_form_is_described_as_it_is_taken(
    database_url: str, fields: dict[str, Any], good: bool
) -> None:
    async with open_http(database_url) as http:
        operation = (await http.openapi())["paths"]["/api/v1/broadcasts"]["post"]
        schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        validator = jsonschema.Draft202012Validator(schema)
        assert validator.is_valid({"audio": "bytes", **fields}) == good
        assert not validator.is_valid(fields), "without a recording"
        page = (await http.ask("GET", "/docs")).text
        section = page.partition("id='create_broadcast'")[2].partition("</section>")[0]
        for name in schema["properties"]:
            assert f"<th>{name}</th><td><code>form" in section


async def test_what_msgspec_refuses_the_schemas_refuse(database_url: str) -> None:
    async with open_http(database_url) as http:
        document = await http.openapi()
        minji = await http.person()
        schema = {"$ref": "#/components/schemas/NewRoom", "components": document["components"]}
        validator = jsonschema.Draft202012Validator(schema)
        for body, good in (
            ({"type": "team", "name": "A"}, True),
            ({"type": "team", "name": "x" * 101}, False),
            ({"type": "crowd"}, False),
            ({"name": "A"}, False),
            ({"type": "team", "members": [1]}, False),
        ):
            assert validator.is_valid(body) == good
            reply = await http.ask("POST", "/api/v1/chats/rooms", body, token=minji.token)
            assert (reply.status == 201) == good


async def test_the_reading_page_names_every_route_and_code_and_loads_nothing_foreign(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        page = await http.ask("GET", "/docs")
        assert page.headers["Content-Type"].startswith("text/html")
        for route in http.routes:
            assert f"id='{route.name}'" in page.text
        for code in ErrorCode:
            assert f"id='{code.value}'" in page.text
        assert "``" not in page.text and "``" not in str(await http.openapi())
        stream = page.text.partition("id='watch_notifications'")[2].partition("</section>")[0]
        assert "<code>gone</code>" in stream and "<th>Last-Event-ID</th>" in stream
        assert "notifications are of ISO 8601" in page.text
        links = re.findall(r"(?:href|src)='([^']+)'", page.text)
        anchors = set(re.findall(r"id='([^']+)'", page.text))
        assert links
        for link in links:
            if link.startswith("#"):
                assert link[1:] in anchors
            else:
                assert (await http.ask("GET", link)).status == 200


async def test_the_page_and_its_assets_come_with_a_policy_and_are_revalidated(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        page = await http.ask("GET", "/")
        assets = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text)
        assert len(assets) >= 3
        for path in ("/", *assets):
            reply = await http.ask("GET", path)
            assert reply.status == 200
            assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
            assert "unsafe" not in reply.headers["Content-Security-Policy"]
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["Cache-Control"] == "no-cache"
            etag = reply.headers["ETag"]
            again = await http.ask("GET", path, headers={"If-None-Match": etag})
            assert (again.status, again.text) == (304, "")
            old = await http.ask("GET", path, headers={"If-None-Match": '"old"'})
            assert old.status == 200


async def test_every_asset_of_the_folder_is_served_and_nothing_else(database_url: str) -> None:
    async with open_http(database_url) as http:
        for path in WEB.iterdir():
            hidden = path.name in PAGES.values() or path.suffix not in CONTENT_TYPES
            expected = 404 if hidden else 200
            assert (await http.ask("GET", f"/assets/{path.name}")).status == expected, path.name
        for name in ("..%2fapp.py", "%2e%2e/app.py", "../http/app.py", ".", "x.js", "app.py"):
            assert (await http.ask("GET", f"/assets/{name}")).status == 404, name


async def test_answers_of_the_api_stay_in_no_cache(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        for reply in (
            await http.ask("GET", "/api/v1/me", token=minji.token),
            await http.ask("GET", "/api/v1/me"),
        ):
            assert reply.headers["Cache-Control"] == "no-store"


async def test_metrics_are_prometheus_text(database_url: str) -> None:
    async with open_http(database_url) as http:
        Counter("tried", "Tries.", registry=http.parts.registry).inc()
        reply = await http.ask("GET", "/metrics")
        assert reply.headers["Content-Type"].startswith("text/plain")
        assert "tried_total 1.0" in reply.text


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [ref for value in part.values() for ref in _references(value)]
    if isinstance(part, list):
        return [ref for value in part for ref in _references(value)]
    return []
