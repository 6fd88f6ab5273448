"""The settings of campaigns: how they are named and timed, and the numbers of specification 002."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from actors.campaign_numbers import CampaignNumbers
from actors.rules.local_time import is_zone
from server.failure import BadSetting

SERVICE_NAME: Final = "마당"
LONGEST_SERVICE_NAME: Final = 64
COST: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")

NUMBERS: Final[Mapping[str, tuple[str, int, int]]] = {
    "MADANG_CAMPAIGN_PAGE": ("page", 1, 10_000),
    "MADANG_CAMPAIGN_BATCH": ("batch", 1, 10_000),
    "MADANG_CAMPAIGN_WORKERS": ("workers", 1, 1_000),
    "MADANG_CAMPAIGN_WORKERS_MOST": ("workers_most", 1, 1_000),
    "MADANG_CAMPAIGN_KEEP_ALIVE_S": ("keep_alive_s", 1, 3_600),
    "MADANG_CAMPAIGN_QUEUE": ("queue", 1, 100_000),
    "MADANG_CAMPAIGN_DRAIN_S": ("drain_s", 0, 600),
    "MADANG_CAMPAIGN_STATEMENT_S": ("statement_s", 1, 600),
    "MADANG_CAMPAIGN_SLOW_S": ("slow_s", 1, 600),
    "MADANG_CAMPAIGN_ATTEMPTS": ("attempts", 1, 100),
}
"""Which number each variable sets, the least and the most that it may be."""


class CampaignSettings(NamedTuple):
    """What holds for all campaigns."""

    service_name: str
    """Who sends them: the account is called so, and advertising has to name it."""
    zone: str
    """Whose calendar says how old people are, and by whose clock times are told."""
    cost: float
    """Of one message through the provider, in won."""
    numbers: CampaignNumbers


def read_campaigns(environ: Mapping[str, str]) -> CampaignSettings:
    """What holds for campaigns.

    >>> read_campaigns({})[:3], read_campaigns({"MADANG_CAMPAIGN_PAGE": "500"}).numbers.page
    (('마당', 'Asia/Seoul', 0.0), 500)
    """
    name = environ.get("MADANG_SERVICE_NAME", SERVICE_NAME).strip()
    if not (name.isprintable() and 0 < len(name) <= LONGEST_SERVICE_NAME):
        raise BadSetting(f"MADANG_SERVICE_NAME must have 1 to {LONGEST_SERVICE_NAME} characters")
    zone = environ.get("MADANG_CAMPAIGN_ZONE") or "Asia/Seoul"
    if not is_zone(zone):
        raise BadSetting(f"MADANG_CAMPAIGN_ZONE must be a name such as Asia/Seoul, not {zone!r}")
    cost = environ.get("MADANG_MESSAGE_COST") or "0"
    if not COST.fullmatch(cost):
        raise BadSetting(f"MADANG_MESSAGE_COST must be a number such as 9.9, not {cost!r}")
    return CampaignSettings(name, zone, float(cost), _numbers(environ))


def _numbers(environ: Mapping[str, str]) -> CampaignNumbers:
    given = {
        field: _number(name, environ[name], least, most)
        for name, (field, least, most) in NUMBERS.items()
        if environ.get(name)
    }
    numbers = CampaignNumbers(**given)
    if numbers.workers > numbers.workers_most:
        raise BadSetting(
            "MADANG_CAMPAIGN_WORKERS must be no more than MADANG_CAMPAIGN_WORKERS_MOST:"
            f" {numbers.workers} and {numbers.workers_most}"
        )
    for name, most in (
        ("MADANG_CAMPAIGN_PAGE", numbers.page),
        ("MADANG_CAMPAIGN_QUEUE", numbers.queue),
    ):
        if numbers.batch > most:
            raise BadSetting(
                f"MADANG_CAMPAIGN_BATCH must be no more than {name}: {numbers.batch} and {most}"
            )
    return numbers


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadSetting(f"{name} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)
