"""Whose fault it is that a file cannot be read or written."""

from __future__ import annotations

import errno
from typing import Final

OURS: Final = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.ENOENT,
        errno.EMFILE,
        errno.ENFILE,
    }
)
"""What a disk or the system says. What is broken in a file has other numbers, or none."""


def is_ours(error: Exception) -> bool:
    """Whether *error*, of whatever library reads or writes, says nothing against the content.

    >>> is_ours(OSError(28, "No space left on device")), is_ours(OSError("image is truncated"))
    (True, False)
    """
    return isinstance(error, MemoryError) or getattr(error, "errno", None) in OURS
