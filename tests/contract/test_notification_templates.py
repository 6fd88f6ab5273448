"""Templates of notifications: versions over those that came with the server."""

from __future__ import annotations

import pytest
import trio

from actors.ports import StoreUnavailable
from actors.rules.notification_text import DEFAULTS, Template
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.postgres.audit import By
from server.postgres.notification_templates import NotificationTemplates

INVITED, BY = "meeting.invitation", By(1, Millis(1_800_000_000_000), "127.0.0.1")


async def test_the_newest_version_is_told_and_the_rules_own_where_there_is_none(postgres):
    templates = NotificationTemplates(postgres.database)
    assert templates.current(INVITED, "ko") == DEFAULTS[INVITED, "ko"]
    for number, title in enumerate(("first {title}", "second {title}"), 1):
        made = await templates.add(INVITED, "ko", title, "{message}", BY)
        assert made == Template(number, title, "{message}")
        assert templates.current(INVITED, "ko") == made
    assert templates.current(INVITED, "en") == DEFAULTS[INVITED, "en"]
    everything = await templates.all()
    assert set(everything) == set(DEFAULTS)
    assert everything[INVITED, "ko"] == made
    kept = await templates.versions(INVITED, "ko")
    assert [(each.version, each.title, each.by) for each in kept] == [
        (2, "second {title}", "user1"),
        (1, "first {title}", "user1"),
    ]
    assert await templates.versions(INVITED, "en") == []
    with pytest.raises(KeyError):
        templates.current("no.such", "ko")


async def test_another_node_knows_of_it_when_it_looks(postgres):
    here, elsewhere = (NotificationTemplates(postgres.database) for _ in range(2))
    before = elsewhere.current(INVITED, "ko")
    after = await here.add(INVITED, "ko", "{title}!", "{message}", BY)
    assert (here.current(INVITED, "ko"), elsewhere.current(INVITED, "ko")) == (after, before)
    assert await elsewhere.look() > 0
    assert elsewhere.current(INVITED, "ko") == after


async def test_two_who_change_it_at_once_make_two_versions_or_one_is_told(postgres):
    templates, refused = NotificationTemplates(postgres.database), list[ErrorCode]()

    async def change(title: str) -> None:
        try:
            await templates.add(INVITED, "en", title, "{message}", BY)
        except ProtocolError as error:
            refused.append(error.code)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(change, f"{number}")
    kept = await templates.versions(INVITED, "en")
    assert [each.version for each in kept] == list(range(4 - len(refused), 0, -1))
    assert set(refused) <= {ErrorCode.CONFLICT}
    noted = await postgres.database.fetch("SELECT details FROM audit_log WHERE action = $1", NOTED)
    assert len(noted) == len(kept)


async def test_without_the_database_what_was_known_last_is_told(postgres):
    templates = NotificationTemplates(postgres.database)
    made = await templates.add(INVITED, "ko", "{title}!", "{message}", BY)
    await postgres.database.execute("ALTER TABLE notification_templates RENAME TO elsewhere")
    with pytest.raises(StoreUnavailable):
        await templates.look()
    assert templates.current(INVITED, "ko") == made


NOTED = "notification.template_change"
