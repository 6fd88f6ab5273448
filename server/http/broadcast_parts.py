"""What the routes of broadcasts are put together from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from actors.notices import Notices
from actors.ports import Broadcasts, Files, Selection
from server.http.broadcast_lists import BroadcastLists
from server.postgres.broadcast_figures import BroadcastFigures
from server.postgres.broadcast_making import BroadcastMaking
from server.postgres.broadcast_replies import BroadcastReplies
from server.postgres.broadcast_views import BroadcastViews
from server.postgres.files import FileStore
from server.postgres.groups import GroupStore

PATH = "/api/v1/broadcasts"
ONE = PATH + "/{broadcast}"


class Stores(NamedTuple):
    """Where broadcasts are."""

    making: BroadcastMaking
    views: BroadcastViews
    lists: BroadcastLists
    replies: BroadcastReplies
    groups: GroupStore
    figures: BroadcastFigures
    files: FileStore
    posted: Files


class BroadcastParts(NamedTuple):
    """What the routes of broadcasts are put together from.

    ``wake`` tells their actor that there is a new one.
    """

    stores: Stores
    runs: Broadcasts
    selection: Selection
    notices: Notices
    wake: Callable[[], None]
    new_seed: Callable[[], int]
