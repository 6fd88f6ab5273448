"""Frames to bytes and back, in msgpack and in JSON: both carry the same frames.

The usual frame costs one call of msgspec. Whatever that call refuses is looked at once more, slowly
but shallowly, to tell what is wrong and to echo what can be read: no bytes raise anything but
FrameError, and none cost more than a few milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NoReturn, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, structs

from protocol.errors import ErrorCode, ProtocolError
from protocol.expected import blamed
from protocol.fields import Frame, Rid
from protocol.frames import ClientFrame, ServerFrame
from protocol.limits import ID_MOST

_CLIENT_FRAMES: Final[Mapping[str, type[Frame]]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(ClientFrame)
}
_FIELDS: Final = sorted(
    {field for kind in _CLIENT_FRAMES.values() for field in kind.__struct_fields__}
)
_Envelope: Final = msgspec.defstruct(
    "_Envelope", [(name, Raw | UnsetType, UNSET) for name in ("t", *_FIELDS)]
)
_UNTAGGED: Final[Mapping[str, type[msgspec.Struct]]] = {
    tag: msgspec.defstruct(
        kind.__name__,
        [
            (field.name, field.type) if field.required else (field.name, field.type, field.default)
            for field in structs.fields(kind)
        ],
        kw_only=True,
    )
    for tag, kind in _CLIENT_FRAMES.items()
}
"""Twins without ``t``: of a key given twice the last counts, ``t`` itself included."""

_Echoed: Final = Annotated[str, Meta(max_length=ID_MOST)]
"""A longer one is no id, and would make refusals as long as what they refuse."""

_FAILURES: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError)
_ESCAPES: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_ONE_ESCAPE: Final = 6  # bytes: \uXXXX


class FrameError(ProtocolError):
    """A message that is no acceptable frame, with what of it could be read."""

    def __init__(
        self,
        code: ErrorCode,
        message: str = "",
        *,
        envelope: Mapping[str, Any] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message, fields=fields)
        known = envelope or {}
        self.rid: int | None = known.get("rid")
        self.room: str | None = known.get("room")
        self.id: str | None = known.get("id")


class Codec:
    """One way to write frames. ``name`` is the WebSocket subprotocol."""

    def __init__(self, name: str, *, text: bool) -> None:
        self.name, self.text = name, text
        module: Any = msgspec.json if text else msgspec.msgpack
        self.encode: Callable[[ServerFrame], bytes] = module.Encoder().encode
        self._module = module
        self._decoder = module.Decoder(ClientFrame)
        self._server_decoder = module.Decoder(ServerFrame)
        self._envelope = module.Decoder(_Envelope)
        self._suspicion = b"\\u" if text else b"\x00"  # no NUL in any string without this

    def decode(self, data: bytes) -> ClientFrame:
        """The frame in *data*. Raises FrameError."""
        try:
            frame: ClientFrame = self._decoder.decode(data)
        except _FAILURES:
            return self._decode_slowly(data)
        if self._suspicion in data:
            self._check_strings(frame)
        return frame

    def decode_server(self, data: bytes) -> ServerFrame:
        """A frame of the server, for clients in Python and for tests. Raises msgspec's errors."""
        frame: ServerFrame = self._server_decoder.decode(data)
        return frame

    def _decode_slowly(self, data: bytes) -> ClientFrame:
        if self.text:
            data = _ESCAPES.sub(_lone_to_nul, data)
        envelope = self._open(data)
        tag = self._read(envelope, "t", str)
        if tag is None:
            raise FrameError(ErrorCode.BAD_FRAME, "no string `t`")
        readable = {
            "rid": self._read(envelope, "rid", Rid),
            "room": self._read(envelope, "room", _Echoed),
            "id": self._read(envelope, "id", _Echoed),
        }
        kind = _CLIENT_FRAMES.get(tag)
        if kind is None:
            raise FrameError(ErrorCode.UNKNOWN_TYPE, envelope=readable)
        try:
            twin = self._module.decode(data, type=_UNTAGGED[tag])
        except _FAILURES as error:
            self._blame(error, data, readable, _UNTAGGED[tag])
        frame: ClientFrame = kind(**structs.asdict(twin))  # type: ignore[assignment]
        self._check_strings(frame)
        return frame

    def _open(self, data: bytes) -> msgspec.Struct:
        try:
            envelope: msgspec.Struct = self._envelope.decode(data)
        except msgspec.ValidationError:
            raise FrameError(ErrorCode.BAD_FRAME, "a frame is a map with string keys") from None
        except _FAILURES as error:
            raise FrameError(ErrorCode.BAD_FRAME, f"not a frame: {error}") from None
        return envelope

    def _read(self, envelope: msgspec.Struct, name: str, kind: Any) -> Any:
        """One field of *envelope* as *kind*, or None when it is not there or not that."""
        raw = getattr(envelope, name)
        if raw is UNSET:
            return None
        try:
            value = self._module.decode(raw, type=kind)
        except _FAILURES:
            return None
        return None if isinstance(value, str) and "\x00" in value else value

    def _blame(
        self,
        error: Exception,
        data: bytes,
        readable: Mapping[str, Any],
        kind: type[msgspec.Struct],
    ) -> NoReturn:
        if isinstance(error, msgspec.ValidationError) and (found := blamed(error, kind)):
            name, why = found
            raise FrameError(ErrorCode.INVALID, envelope=readable, fields={name: why})
        if isinstance(error, UnicodeDecodeError) and _only_surrogates(error.object):
            fields = {self._undecodable(data): "lone surrogates"}
            raise FrameError(ErrorCode.INVALID, envelope=readable, fields=fields)
        raise FrameError(ErrorCode.BAD_FRAME, f"not a frame: {error}", envelope=readable)

    def _undecodable(self, data: bytes) -> str:
        """The first field that holds a string which is none."""
        envelope = self._open(data)
        for name in _FIELDS:
            raw = getattr(envelope, name)
            try:
                if raw is not UNSET:
                    self._module.decode(raw)
            except _FAILURES:
                return name
        return "t"

    def _check_strings(self, frame: ClientFrame) -> None:
        """NUL, which PostgreSQL's text cannot hold, in a string of *frame*."""
        for name in frame.__struct_fields__:
            if _holds_nul(getattr(frame, name)):
                readable = {
                    key: value
                    for key in ("rid", "room", "id")
                    if not _holds_nul(value := getattr(frame, key, None))
                }
                raise FrameError(
                    ErrorCode.INVALID,
                    envelope=readable,
                    fields={name: "NUL or a lone surrogate"},
                )


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    return isinstance(value, list | dict) and any(map(_holds_nul, value))


def _only_surrogates(data: bytes) -> bool:
    try:
        data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _lone_to_nul(found: re.Match[bytes]) -> bytes:
    """A lone surrogate's escape becomes NUL's, which is refused by name of its field."""
    escape = found[0]
    return rb"\u0000" if len(escape) == _ONE_ESCAPE else escape


MSGPACK: Final = Codec("madang.v1.msgpack", text=False)
JSON: Final = Codec("madang.v1.json", text=True)
CODECS: Final[Mapping[str, Codec]] = {codec.name: codec for codec in (MSGPACK, JSON)}
