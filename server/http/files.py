"""Fixed content from memory: whole, revalidated by each browser, from nowhere else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

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
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)


class File(NamedTuple):
    """Some content and what it is."""

    content: bytes
    content_type: str
    etag: str

    def response(self) -> Response:
        """The content, or 304 for a browser that has it."""
        if request.if_none_match.contains(self.etag):
            response = Response(b"", status=304)
        else:
            response = Response(self.content, content_type=self.content_type)
        response.set_etag(self.etag)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = POLICY
        return response


def file_of(content: bytes, suffix: str) -> File:
    """*content* as a file whose name ends in *suffix*."""
    return File(content, CONTENT_TYPES[suffix], hashlib.sha256(content).hexdigest()[:32])


def read_files(folder: Path) -> dict[str, File]:
    """The files of *folder* that a browser can use, by name."""
    return {
        path.name: file_of(path.read_bytes(), path.suffix)
        for path in sorted(folder.iterdir())
        if path.suffix in CONTENT_TYPES
    }
