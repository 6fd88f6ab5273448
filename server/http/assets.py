"""Fixed content from memory: whole, compressed once, revalidated by each browser."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import brotli
import minify
from quart import Response, request

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
PACKED = {".png", ".woff2"}
"""What would not get shorter."""
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)
IDENTITY = "identity"
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda content: brotli.compress(content, quality=6),
    "gzip": lambda content: gzip.compress(content, mtime=0),
}
"""The best first."""


class Body(NamedTuple):
    """Some bytes and the name that no others have."""

    content: bytes
    etag: str


class Asset(NamedTuple):
    """What some content is, and its bytes in each coding."""

    content_type: str
    bodies: Mapping[str, Body]

    def response(self) -> Response:
        """The content in the coding that the browser likes best, or 304 where it has that."""
        coding = request.accept_encodings.best_match(self.bodies, IDENTITY)
        body = self.bodies[coding]
        if request.if_none_match.contains(body.etag):
            response = Response(b"", status=304)
        else:
            response = Response(body.content, content_type=self.content_type)
            if coding != IDENTITY:
                response.headers["Content-Encoding"] = coding
        response.set_etag(body.etag)
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = POLICY
        return response


def asset_of(content: bytes, suffix: str) -> Asset:
    """*content* as an asset whose name ends in *suffix*."""
    made = {name: compress(content) for name, compress in CODINGS.items() if suffix not in PACKED}
    shorter = {name: coded for name, coded in made.items() if len(coded) < len(content)}
    bodies = {**shorter, IDENTITY: content}
    return Asset(CONTENT_TYPES[suffix], {name: _body(coded) for name, coded in bodies.items()})


def read_assets(folder: Path) -> dict[str, Asset]:
    """The files of *folder* that a browser can use, by name."""
    return {
        path.name: asset_of(shortened(path.read_bytes(), path.suffix), path.suffix)
        for path in sorted(folder.iterdir())
        if path.suffix in CONTENT_TYPES
    }


def shortened(content: bytes, suffix: str) -> bytes:
    """*content*; of a script only what runs, with short names inside."""
    if suffix != ".js":
        return content
    script: str = minify.string("text/javascript", content.decode())
    return script.encode()


def _body(content: bytes) -> Body:
    return Body(content, hashlib.sha256(content).hexdigest()[:32])
