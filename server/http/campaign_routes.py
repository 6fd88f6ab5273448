"""All routes of campaigns, over what they are put together from."""

from __future__ import annotations

from actors.ports import WallClock
from server.http.audit import Audit
from server.http.campaign_events import CampaignEvents
from server.http.campaign_jobs import CampaignJobs
from server.http.campaign_parts import CampaignParts
from server.http.campaign_results import CampaignResults
from server.http.campaigns import CampaignSending
from server.http.consents import ConsentRoutes
from server.http.idempotency import Repeats
from server.http.route import Route
from server.ids import IdSource
from server.postgres.users import UserStore


def campaign_routes(
    parts: CampaignParts,
    *,
    users: UserStore,
    repeats: Repeats,
    clock: WallClock,
    new_id: IdSource,
    audit: Audit,
) -> list[Route]:
    """Those of admins, and those of people who say what they agree to."""
    subjects = (
        CampaignSending(
            parts, users=users, repeats=repeats, clock=clock, new_id=new_id, audit=audit
        ),
        CampaignJobs(parts, clock=clock, audit=audit),
        CampaignResults(parts, audit=audit),
        CampaignEvents(parts, audit=audit),
        ConsentRoutes(parts.consents, clock=clock),
    )
    return [route for subject in subjects for route in subject.routes()]
