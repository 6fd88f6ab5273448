"""Routes as Quart serves them: who asks and what is checked first, then the handler answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio
from prometheus_client import Histogram
from quart import Blueprint, Request, Response, request
from quart.typing import RouteCallable

from server.edge.proxies import UNCLEAR
from server.http.auth import Gate
from server.http.bodies import TimedBody, at_end, check_path, read_body, read_query
from server.http.idempotency import HEADER, key_of
from server.http.route import Answer, Call, Route, Streamed

STREAM_WITHIN = 3600.0
"""Seconds for an answer that comes in parts."""


def blueprint_of(name: str, routes: Sequence[Route], gate: Gate, took: Histogram) -> Blueprint:
    """The routes of one subject; *took* is told how long each request takes."""
    blueprint = Blueprint(name, __name__)
    for route in routes:
        blueprint.add_url_rule(
            route.path.replace("{", "<").replace("}", ">"),
            route.name,
            _view(route, gate, took),
            methods=[route.method],
            provide_automatic_options=False,
        )
    return blueprint


def _view(route: Route, gate: Gate, took: Histogram) -> RouteCallable:
    async def view(**path: str) -> Response:
        begun = trio.current_time()
        try:
            return await answered(path)
        finally:
            took.labels(route.name).observe(trio.current_time() - begun)

    async def answered(path: dict[str, str]) -> Response:
        answer = await route.handler(await _call(route, gate, path, request))
        if isinstance(answer, Streamed) and answer.close is not None:
            at_end(request, answer.close)
        return _stream(route, answer) if isinstance(answer, Streamed) else _response(answer)

    return view


async def _call(
    route: Route, gate: Gate, path: dict[str, str], request: Request
) -> Call[msgspec.Struct | None, msgspec.Struct]:
    """The checked call: first who asks, then what; a stranger's body is not even read."""
    address = request.remote_addr or ""
    sure = "" if request.scope.get(UNCLEAR) else address
    signed_in = await gate.admit(route.access, request.headers.get("Authorization"), sure)
    check_path(path)
    query = read_query(request.args.to_dict(), route.query)
    body = None if route.body is None else await read_body(request, route.body)
    return Call(
        body=body,
        query=query,
        path=path,
        key=key_of(request.headers.get(HEADER), most=route.key) if route.key else None,
        address=address,
        admits_admins=gate.admits_admins(sure),
        signed_in=signed_in,
        method=request.method,
        headers=request.headers,
        mimetype=request.mimetype,
        content=TimedBody(request.body),
    )


def _response(answer: Answer) -> Response:
    content = b"" if answer.value is None else msgspec.json.encode(answer.value)
    response = Response(content, status=answer.status, content_type="application/json")
    if answer.value is None:
        del response.headers["Content-Type"]
    response.headers.update(answer.headers)
    return response


def _stream(route: Route, answer: Streamed) -> Response:
    response = Response(answer.parts, status=answer.status, content_type=route.media_type)
    response.headers.update(answer.headers)
    response.timeout = STREAM_WITHIN
    return response
