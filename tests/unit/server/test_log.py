from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from server.log import configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    return stream


def only_event(stream: io.StringIO) -> dict[str, Any]:
    text = stream.getvalue()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    event: dict[str, Any] = json.loads(text)
    return event


def test_an_event_is_one_line_of_json_with_its_time_and_level(stream: io.StringIO) -> None:
    structlog.get_logger("madang").info("room_claimed", room="마당", epoch=3)
    event = only_event(stream)
    assert (event["event"], event["level"], event["room"]) == ("room_claimed", "info", "마당")
    assert event["timestamp"].endswith("Z")
    assert "마당" in stream.getvalue()


@pytest.mark.parametrize(
    "breaker", ["\n", "\r", "\r\n", "\x1b[2J", "\u2028", "\u2029", "\x85", "\x00"]
)
def test_what_a_client_wrote_ends_no_line_and_commands_no_terminal(
    stream: io.StringIO, breaker: str
) -> None:
    hostile = f"before{breaker}after"
    structlog.get_logger().info(hostile, name=hostile, **{hostile: [hostile, {"x": hostile}]})
    assert only_event(stream)
    assert breaker not in stream.getvalue()[:-1]
    assert "\x1b" not in json.dumps(only_event(stream), ensure_ascii=False)


def test_a_lone_surrogate_can_be_written_to_a_file(stream: io.StringIO) -> None:
    structlog.get_logger().info("bad\ud800name")
    assert stream.getvalue().encode()


def test_direction_marks_cannot_disguise_a_line(stream: io.StringIO) -> None:
    structlog.get_logger().info("user \u202egnp.exe")
    assert "\u202e" not in stream.getvalue()


@pytest.mark.parametrize(
    "field", ["token", "password", "Authorization", "body", "token_key", "new-password", "apiKey"]
)
def test_secrets_are_hidden_at_any_depth(stream: io.StringIO, field: str) -> None:
    nested: dict[str, object] = {field: "canary", "list": [{field: {"deep": "canary"}}]}
    structlog.get_logger().info("asked", **{field: "canary"}, request=nested)
    assert "canary" not in stream.getvalue()
    assert only_event(stream)["request"]["list"] == [{field: "[hidden]"}]


@pytest.mark.parametrize(
    "text",
    [
        "GET /ws?token=canary&v=1 101",
        "GET /ws?v=1&token=canary",
        "GET /api/calendar/feed/canary.ics 1.1 200",
        "Authorization: Bearer canary",
        "cannot reach postgresql://user:canary@db/x",
        "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.canary",
    ],
)
def test_secrets_inside_a_text_are_hidden(stream: io.StringIO, text: str) -> None:
    logging.getLogger("hypercorn.access").info("%s", text)
    assert "canary" not in only_event(stream)["event"]


@pytest.mark.parametrize("name", ["asyncpg", "hypercorn.error", "quart.app", "trio_websocket"])
def test_the_logs_of_libraries_take_the_same_way(stream: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("lost %s\n", "peer")
    event = only_event(stream)
    assert (event["event"], event["logger"], event["level"]) == ("lost peer\\n", name, "warning")


def test_a_traceback_stays_on_the_line_of_its_event(stream: io.StringIO) -> None:
    try:
        int("two\nlines")
    except ValueError:
        structlog.get_logger().exception("crashed")
    event = only_event(stream)
    assert "ValueError: invalid literal" in event["exception"]
    assert "Traceback" in event["exception"]


def test_an_unknown_object_is_logged_as_it_shows_itself(stream: io.StringIO) -> None:
    structlog.get_logger().info("odd", thing=b"\xff\n", kind=int)
    assert only_event(stream)["thing"] == "b'\\xff\\n'"


def test_less_than_the_level_is_not_logged(stream: io.StringIO) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("asyncpg").debug("quiet")
    assert stream.getvalue() == ""


def test_a_terminal_gets_lines_for_people() -> None:
    terminal = Terminal()
    configure_logging("INFO", stream=terminal)
    structlog.get_logger().warning("slow_turn", what="마당\x1b[1m", ms=51)
    line = terminal.getvalue()
    assert len(line.splitlines()) == 1
    assert 'warning slow_turn  what="마당\\\\x1b[1m" ms=51' in line
