"""Where files are kept on this node, as the settings say."""

from __future__ import annotations

from pathlib import Path

from server.failure import BadSetting
from server.files.folder import FolderStorage
from server.files.storage import Storage


def storage_at(data: Path, url: str | None) -> Storage:
    """The storage of *url*; without one a folder of the data folder. Raises BadSetting."""
    if url is None:
        return FolderStorage(data / "files")
    try:
        from server.files.s3 import S3Storage, read_bucket  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise BadSetting("MADANG_FILES_URL needs boto3: install madang with [s3]") from error
    return S3Storage(read_bucket(url))
