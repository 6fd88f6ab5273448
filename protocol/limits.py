"""Every number of the contract. Sizes are bytes; times end in their unit."""

from __future__ import annotations

from typing import Final

MAX_FRAME: Final = 64 * 1024
"""The longest client message, fragments together."""
SERVER_FRAME: Final = 1024 * 1024
"""The longest frame the server sends."""
PAGE_BYTES: Final = 512 * 1024
"""A page of history ends early here."""
OUTBOX_BYTES: Final = 1024 * 1024
"""What may wait for one connection."""
HELLO_WITHIN_S: Final = 5
"""From the opening to ``hello``."""
PING_MS: Final = 25_000
"""Between two pings of the server."""
REPLAY_MOST: Final = 1_000
"""Events that ``resume`` replays for a room; more are a ``gap``."""
HISTORY_DEFAULT: Final = 50
"""Events of a page, unless the client says otherwise."""
HISTORY_MOST: Final = 200
"""Events of a page at most."""
ABUSE_FRAMES: Final = 16
"""Frames in a row that are none, before the connection is closed."""
CONNECTIONS_PER_USER: Final = 20
"""Open connections of one user."""
CURSORS_MOST: Final = 200
"""Members of a room up to which cursors, receipts, typing and who is online are shown."""
MARK_BACK_MOST: Final = 10_000
"""Events back from the last one, where a room can be marked unread from."""
ID_MOST: Final = 64
"""Characters of a client's ``id``."""
EMOJI_MOST: Final = 32
"""Characters of an emoji: one that is put together has many."""
EMOJI_KINDS: Final = 50
"""Different emoji on one message."""

SEARCH_DEFAULT: Final = 20
"""Messages of a page of search results, unless the client says otherwise."""
SEARCH_MOST: Final = 50
"""Messages of a page of search results at most."""
SEARCH_WORDS: Final = 10
"""Words of a search."""
METADATA_MOST: Final = 16
"""Entries that an application may keep with a room."""
FILES_A_MESSAGE: Final = 10
"""Files of one message."""
IMAGE_BYTES: Final = 10 * 1024 * 1024
"""An image, as its content says."""
FILE_BYTES: Final = 50 * 1024 * 1024
"""Any other file."""
FILE_NAME_BYTES: Final = 255
"""The name of a file, in UTF-8."""
UPLOAD_KEPT_S: Final = 86_400
"""From the last request on, how long an upload can be resumed."""
UNPOSTED_KEPT_S: Final = 7 * 86_400
"""How long a file is kept that no message has."""
BROADCAST_RECIPIENTS: Final = 100
"""People who hear one broadcast."""
BROADCAST_S: Final = (1.0, 30.0)
"""How long its recording may be."""
BROADCASTS_AN_HOUR: Final = 10
"""Broadcasts of one user, also those that were cancelled or failed."""
BROADCAST_TRIES: Final = 20
"""Requests for a broadcast that one user may make at once, refused and repeated ones too."""
BROADCAST_TRY_EVERY_S: Final = 10
"""From then on he may make one in so many seconds."""
SEEN_MOST: Final = 100
"""Notifications of one `seen`, and that are shown on a connect."""
BLOCKS_MOST: Final = 5_000
"""People one user can block."""
FRIENDS_MOST: Final = 1_000
"""Friends of one user, with those whom he has asked."""
RESTORE_WITHIN_S: Final = 30 * 86_400
"""From a deletion on, how long a message can be restored."""
READ_LOG_S: Final = 30 * 86_400
"""How long it is kept when somebody read."""
TYPING_EXPIRES_S: Final = 6
"""A client forgets ``typing`` after this."""
RATE_PER_CONNECTION: Final = 100
"""Inbound frames a second of one connection."""
RATE_PER_USER: Final = 200
"""Inbound frames a second of one user."""
BURST_SECONDS: Final = 20
"""A burst is this many seconds' worth of the rate."""
NAMES_A_FRAME: Final = 50
"""People in a `presence` frame for each further frame that it counts as."""
LIMITED_MOST: Final = 500
"""Frames sent while limited, before the connection is closed."""
PINGS_A_SECOND: Final = 100
"""WebSocket pings of one connection that are answered in a second."""
PINGS_MOST: Final = 600
"""WebSocket pings and pongs of one connection in a second; for more it is closed."""
