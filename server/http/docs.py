"""A page to read the OpenAPI document by: plain HTML, nothing from anywhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from quart import Blueprint, Response

from server.http.assets import asset_of
from server.http.errors import TITLE

CODE = re.compile("`([^`]+)`")

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886; }
section { margin: 1.5rem 0; padding: .5rem 1rem; border: 1px solid #8886; border-radius: .5rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .5rem; background: #8882; border-radius: .25rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .15rem .75rem .15rem 0; }
.method { font-weight: bold; }
"""


def docs_blueprint(document: Mapping[str, Any]) -> Blueprint:
    """``/openapi.json`` and ``/docs``."""
    blueprint = Blueprint("docs", __name__)
    files = {
        "/openapi.json": asset_of(json.dumps(document, ensure_ascii=False).encode(), ".json"),
        "/docs": asset_of(docs_page(document).encode(), ".html"),
        "/docs.css": asset_of(STYLE.encode(), ".css"),
    }
    for path, file in files.items():

        async def show(file: Any = file) -> Response:
            response: Response = file.response()
            return response

        blueprint.add_url_rule(path, path.replace(".", "_"), show, provide_automatic_options=False)
    return blueprint


def docs_page(document: Mapping[str, Any]) -> str:
    """The whole document as HTML."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Madang HTTP API</title>",
        "<meta name='viewport' content='width=device-width'>",
        "<link rel='stylesheet' href='/docs.css'></head><body><h1>Madang HTTP API</h1>",
        "<p>The machine-readable form is <a href='/openapi.json'>/openapi.json</a>. ",
        "Times are milliseconds since 1970; lists are <code>{items, next?}</code>; but those of ",
        "notifications are of ISO 8601, with a zone, and each list says what it is called. Errors ",
        "are problem documents (RFC 9457) with a <code>code</code> of <a href='#codes'>these</a>.",
        "</p>",
    ]
    for path, operations in document["paths"].items():
        parts += [_section(path, method, what) for method, what in operations.items()]
    parts.append("<h2 id='schemas'>Schemas</h2>")
    parts += [_schema(name, what) for name, what in document["components"]["schemas"].items()]
    parts.append(_codes())
    return "".join([*parts, "</body></html>"])


def _prose(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text))


def _section(path: str, method: str, what: Mapping[str, Any]) -> str:
    body = what.get("requestBody")
    rows = [_row(p["name"], f"{p['in']}: {json.dumps(p['schema'])}") for p in what["parameters"]]
    if body:
        rows += [_row(*field) for field in _form_fields(body)]
        rows.append(f"<tr><th>body</th><td>{_content(body)}</td></tr>")
    rows += [
        f"<tr><th>{status}</th><td>{_content(answer)} {_prose(answer['description'])}</td></tr>"
        for status, answer in what["responses"].items()
    ]
    token = "" if not what["security"] else " <em>with a token</em>"
    return (
        f"<section id='{escape(what['operationId'])}'><h3><code><span class='method'>"
        f"{method.upper()}</span> {escape(path)}</code>{token}</h3><p>{escape(what['summary'])}. "
        f"{_prose(what['description'])}</p><table>{''.join(rows)}</table></section>"
    )


def _row(name: str, text: str) -> str:
    return f"<tr><th>{escape(name)}</th><td><code>{escape(text)}</code></td></tr>"


def _form_fields(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    schema = body["content"].get("multipart/form-data", {}).get("schema", {})
    for name, what in schema.get("properties", {}).items():
        needed = " (required)" if name in schema["required"] else ""
        yield name, f"form{needed}: {json.dumps(what)}"


def _content(part: Mapping[str, Any]) -> str:
    schemas = [each["schema"] for each in part.get("content", {}).values()]
    names = [schema["$ref"].rsplit("/", 1)[-1] for schema in schemas if "$ref" in schema]
    return " ".join(f"<a href='#schema-{name}'>{name}</a>" for name in names)


def _schema(name: str, what: Mapping[str, Any]) -> str:
    text = escape(json.dumps(what, indent=2, ensure_ascii=False))
    return f"<section id='schema-{name}'><h3>{name}</h3><pre>{text}</pre></section>"


def _codes() -> str:
    rows = [
        f"<tr id='{code.value}'><th><code>{code.value}</code></th><td>{_prose(text)}</td></tr>"
        for code, text in TITLE.items()
    ]
    return f"<h2 id='codes'>Error codes</h2><table>{''.join(rows)}</table>"
