"""Where files are kept on this node, as the settings say."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from server.failure import BadSetting
from server.files.folder import FolderStorage
from server.files.storage import Storage


class Bucket(NamedTuple):
    """Where the contents lie. Who may have them says the environment, as boto3 reads it."""

    name: str
    prefix: str
    endpoint: str | None
    region: str | None


def read_bucket(url: str) -> Bucket:
    """The bucket that *url* names. Raises BadSetting.

    >>> read_bucket("s3://chat/files?endpoint=http://127.0.0.1:9000&region=eu-1")
    Bucket(name='chat', prefix='files/', endpoint='http://127.0.0.1:9000', region='eu-1')
    """
    parts, options = urlsplit(url), parse_qs(urlsplit(url).query)
    if parts.scheme != "s3" or not parts.hostname or not options.keys() <= {"endpoint", "region"}:
        raise BadSetting(
            "MADANG_FILES_URL must be like s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION"
        )
    prefix = parts.path.strip("/")
    endpoint, region = (options.get(name, [None])[0] for name in ("endpoint", "region"))
    return Bucket(parts.netloc, prefix and prefix + "/", endpoint, region)


def check_address(url: str | None) -> str | None:
    """*url*, if files can be kept there as far as it tells. Raises BadSetting."""
    if url is not None:
        read_bucket(url)
        if find_spec("boto3") is None:
            raise BadSetting("MADANG_FILES_URL needs boto3: install madang with [s3]")
    return url


def storage_at(data: Path, url: str | None) -> Storage:
    """The storage of *url*; without one a folder of the data folder. Raises BadSetting."""
    if url is None:
        return FolderStorage(data / "files")
    check_address(url)
    from server.files.s3 import S3Storage  # noqa: PLC0415 - an extra

    return S3Storage(read_bucket(url))
