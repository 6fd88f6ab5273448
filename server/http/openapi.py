"""The OpenAPI 3.1 document, made from the table of routes and the structs they name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from server.http.campaign_envelope import Refusal, is_enveloped
from server.http.errors import CODE_BY_STATUS, MEDIA_TYPE, TITLE, Problem
from server.http.idempotency import HEADER, REPLAY
from server.http.route import Access, NoQuery, Route

PATH_PARTS = re.compile(r"\{(\w+)\}")
REF = "#/components/schemas/{name}"
JSON = "application/json"
BINARY = {"type": "string", "format": "binary"}
BYTES = {"*/*": {"schema": BINARY}}
SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.ANYBODY: [],
    Access.LINK: [{"bearer": []}, {}],
}


def openapi_document(routes: Sequence[Route], *, version: str) -> dict[str, Any]:
    """Every route with its bodies, parameters, answers and refusals."""
    used: set[type[msgspec.Struct]] = {Problem, Refusal}
    for route in routes:
        used.update(kind for kind in (route.body, *route.answers.values()) if kind)
    kinds = sorted(used, key=lambda kind: kind.__name__)
    refs, components = msgspec.json.schema_components(kinds, ref_template=REF)
    ref_by_kind = dict(zip(kinds, refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, ref_by_kind)
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Madang", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"bearer": bearer}},
        "tags": [{"name": tag} for tag in dict.fromkeys(map(tag_of, routes))],
    }
    return _in_markdown(document)


def _in_markdown(document: dict[str, Any]) -> dict[str, Any]:
    """With `code` as Markdown has it, which is what descriptions are."""
    text = msgspec.json.encode(document).replace(b"``", b"`")
    said: dict[str, Any] = msgspec.json.decode(text)
    return said


def refusals_of(route: Route) -> list[int]:
    """Every status of a problem document that *route* may answer with."""
    statuses = {500, *route.refusals}
    if route.access is not Access.ANYBODY:
        statuses |= {401, 429, 503}
    if route.access is Access.ADMIN:
        statuses.add(403)
    if route.query is not NoQuery or route.key:
        statuses.add(400)
    if route.body is not None:
        statuses |= {400, 408, 413, 415}
    if route.takes_bytes:
        statuses |= {400, 408, 413}
    if PATH_PARTS.search(route.path):
        statuses.add(404)
    return sorted(statuses)


def tag_of(route: Route) -> str:
    """The subject a route belongs to: the first part of its path that says something."""
    return next(part for part in route.path.split("/") if part not in ("", "api", "v1", "chats"))


def _operation(route: Route, refs: dict[type[msgspec.Struct], Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": " ".join((route.handler.__doc__ or "").split()),
        "tags": [tag_of(route)],
        "parameters": list(_parameters(route)),
        "responses": {
            **{str(s): _answer(s, kind, route, refs) for s, kind in sorted(route.answers.items())},
            **{str(status): _refusal(status, route, refs) for status in refusals_of(route)},
        },
        "security": SECURITY.get(route.access, [{"bearer": []}]),
    }
    if route.body is not None:
        content = {JSON: {"schema": refs[route.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.takes_bytes:
        content = BYTES if route.form is None else _form(route.form, route.file)
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _form(form: type[msgspec.Struct], file: str) -> dict[str, Any]:
    fields = msgspec.structs.fields(form)
    schema = {
        "type": "object",
        "properties": {file: BINARY, **{each.encode_name: _given(each) for each in fields}},
        "required": [file, *(each.encode_name for each in fields if each.required)],
        "additionalProperties": False,
    }
    return {"multipart/form-data": {"schema": schema}}


def _parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name in PATH_PARTS.findall(route.path):
        schema = {"type": "string", "minLength": 1, "maxLength": 64}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for field in msgspec.structs.fields(route.query):
        yield {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "schema": _given(field),
        }
    for name, what in route.headers.items():
        header = {"name": name, "in": "header", "required": False, "description": what}
        yield header | {"schema": {"type": "string"}}
    if route.key:
        schema = {"type": "string", "minLength": 1, "maxLength": route.key}
        yield {"name": HEADER, "in": "header", "required": False, "schema": schema}


def _given(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """A query and a form have no null: what may be None is simply left out."""
    schema = msgspec.json.schema(field.type)
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        [schema] = kinds
    if field.default not in (None, msgspec.NODEFAULT):
        schema["default"] = field.default
    return schema


def _answer(
    status: int, kind: type[msgspec.Struct] | None, route: Route, refs: dict[Any, Any]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": f"{HTTPStatus(status).phrase}."}
    if kind is not None:
        answer["description"] = _first_paragraph(kind.__doc__) or answer["description"]
        answer["content"] = {route.media_type: {"schema": refs[kind]}}
    if route.sends_bytes and status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        answer["content"] = BYTES
    if route.text:
        answer["content"] = {route.text: {"schema": {"type": "string"}}}
    if route.key:
        what = "`true`: this is the first answer again."
        answer["headers"] = {REPLAY: {"description": what, "schema": {"type": "string"}}}
    return answer


def _first_paragraph(doc: str | None) -> str:
    return " ".join(inspect.cleandoc(doc or "").partition("\n\n")[0].split())


def _refusal(status: int, route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    code = CODE_BY_STATUS.get(status)
    text = f"{HTTPStatus(status).phrase}." if code is None else f"`{code}`: {TITLE[code]}"
    if is_enveloped(route.path):
        return {"description": text, "content": {JSON: {"schema": refs[Refusal]}}}
    return {"description": text, "content": {MEDIA_TYPE: {"schema": refs[Problem]}}}
