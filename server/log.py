"""Structured logs: one event is one line, without secrets and without what people wrote."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import IO, Any

import structlog
from structlog.stdlib import ProcessorFormatter

SECRET_WORDS = frozenset({"token", "password", "authorization", "body", "key", "secret", "cookie"})
HIDDEN = "[hidden]"

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_SECRETS_IN_TEXT = re.compile(
    r"(?P<before>[?&;]token=|\bBearer\s+|://[^/\s:@]*:|/calendar/feed/)[^&\s\"'@]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT anywhere
)
_BREAKS_A_LINE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def configure_logging(level: str, *, stream: IO[str]) -> None:
    """Send every log, ours and the libraries', to *stream*: for people on a terminal, else JSON."""
    render = _line_for_people if stream.isatty() else _json_line
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[ProcessorFormatter.remove_processors_meta, clean_event, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def clean_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Hide secrets and escape whatever could end a line or command a terminal."""
    return {
        one_line(name): HIDDEN if is_secret(name) else _plain(value)
        for name, value in event.items()
    }


def is_secret(name: str) -> bool:
    """Whether a field of this name may hold a secret.

    >>> is_secret("refresh_token"), is_secret("tokenKey"), is_secret("tokens_made")
    (True, True, False)
    """
    return any(word.lower() in SECRET_WORDS for word in _WORD.findall(name))


def one_line(text: str) -> str:
    r"""*text* on one line, without control characters.

    >>> print(one_line("a\r\nb \x1b[31m안녕"))
    a\r\nb \x1b[31m안녕
    """
    return _BREAKS_A_LINE.sub(lambda found: repr(found.group())[1:-1], text)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return clean_event(None, "", {str(name): each for name, each in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    text = value if isinstance(value, str) else repr(value)
    return one_line(_SECRETS_IN_TEXT.sub(_hide, text))


def _hide(found: re.Match[str]) -> str:
    return f"{found['before'] or ''}{HIDDEN}"


def _json_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False)


def _line_for_people(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    at, level, text = (event.pop(name, "") for name in ("timestamp", "level", "event"))
    event.pop("logger", None)
    fields = " ".join(
        f"{name}={json.dumps(each, ensure_ascii=False)}" for name, each in event.items()
    )
    return f"{at[11:23]} {level:<7} {text}  {fields}".rstrip()
