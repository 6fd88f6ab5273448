"""Files of users in memory, as far as rooms ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio

from actors.ports import AdapterError, Files
from actors.records import Attached, FilesKey
from actors.rules.file_names import as_shown
from server.memory.journal import MemoryLog


class MemoryFiles(Files):
    """The files of a MemoryLog, unless they are ``away``."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.away: AdapterError | None = None

    async def ready(self, keys: Sequence[FilesKey]) -> Mapping[FilesKey, Sequence[Attached]]:
        """What their owners may post."""
        await trio.lowlevel.checkpoint()
        if self.away is not None:
            raise self.away
        found = {key: [self._found(key, file) for file in key.files] for key in keys}
        return {key: [f for f in files if f] for key, files in found.items() if all(files)}

    def _found(self, key: FilesKey, file: str) -> Attached | None:
        owner_no, attached = self._log.files.get(file, (0, None))
        if attached is None or owner_no != key.user_no:
            return None
        blind_id = f"mask-{key.room_no}-{file}" if key.blind else None
        return Attached(attached.file_no, as_shown(attached.info, blind_id))
