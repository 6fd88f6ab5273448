"""The settings of notifications: what they mean, and what is refused without showing it."""

from __future__ import annotations

import base64
from dataclasses import fields, is_dataclass

import pytest

from server.failure import BadSetting
from server.notification_settings import PER_HOUR, NotifyingSettings, read_notifying

SECRET = "canary-5f1d"
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SEAL = base64.b64encode(b"canary-seal-key-of-32-bytes-long").decode()
KAKAO = {
    "MADANG_KAKAO_REST_KEY": f"rest-{SECRET}",
    "MADANG_KAKAO_REDIRECT_URL": "https://chat.example.org/api/notifications/kakao/callback",
}
SENS = {
    "MADANG_SENS_ACCESS_KEY": f"access-{SECRET}",
    "MADANG_SENS_SECRET_KEY": f"secret-{SECRET}",
    "MADANG_SENS_SERVICE_ID": "ncp:kkobizmsg:kr:1234:madang",
    "MADANG_SENS_CHANNEL": "@마당",
    "MADANG_SENS_TEMPLATES": "calendar.reminder=remind1, *=any_2, verification=code3",
}
ALL = {
    **KAKAO,
    **SENS,
    "MADANG_SEAL_KEYS": f"b:{SEAL}",
    "MADANG_VAPID_KEY": PRIVATE,
    "MADANG_VAPID_SUBJECT": "mailto:ops@example.org",
    "MADANG_DISCORD_BOT_TOKEN": f"token-{SECRET}",
    "MADANG_DISCORD_PUBLIC_KEY": "ab" * 32,
    "MADANG_KAKAO_CLIENT_SECRET": f"client-{SECRET}",
    "MADANG_KAKAO_TEMPLATE": "4711",
    "MADANG_KAKAO_BOT_SECRET": f"bot-{SECRET}",
    "MADANG_BLOCKED_WORDS": "카지노, lottery ,,",
    "MADANG_NOTIFICATION_PUSH_PER_HOUR": "5",
    "MADANG_NOTIFICATION_DISCORD_PER_HOUR": "0",
    "MADANG_NOTIFICATION_DIGEST_S": "60",
    "MADANG_NOTIFICATION_DAYS": "7",
}


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    read = read_notifying({})
    assert (read.seal_keys, read.push.key, read.push.subject) == ((), None, None)
    assert read.push.service is None
    assert read.discord.api == ("https", "discord.com", 443, "/api/v10")
    assert (read.discord.token, read.discord.public_key) == (None, None)
    assert (read.kakao, read.kakao_bot_secret, read.alimtalk) == (None, None, None)
    assert read.blocked_words == ()
    assert read.per_hour == {"push": 30, "kakao": 30, "discord": 30}
    assert (read.digest_s, read.kept_days) == (300, 90)


def test_everything_is_read() -> None:
    read = read_notifying(ALL)
    assert [key.id for key in read.seal_keys] == ["b"] and read.push.key is not None
    assert read.discord.token == f"token-{SECRET}" and read.discord.public_key == b"\xab" * 32
    assert read.kakao is not None and read.alimtalk is not None
    assert read.kakao.app.auth.host == "kauth.kakao.com"
    assert read.kakao.app.api.host == "kapi.kakao.com"
    assert read.kakao.app.redirect == KAKAO["MADANG_KAKAO_REDIRECT_URL"]
    assert (read.kakao.app.secret, read.kakao.template) == (f"client-{SECRET}", "4711")
    assert read.kakao.link == "https://chat.example.org/#/notifications"
    assert read.alimtalk.api.host == "sens.apigw.ntruss.com"
    assert read.alimtalk.templates == {
        "calendar.reminder": "remind1",
        "*": "any_2",
        "verification": "code3",
    }
    assert read.blocked_words == ("카지노", "lottery")
    assert read.per_hour == {"push": 5, "kakao": 30, "discord": 0}
    assert (read.digest_s, read.kept_days) == (60, 7)


def test_kakao_needs_no_secret_and_no_template() -> None:
    read = read_notifying(KAKAO)
    assert read.kakao is not None
    assert (read.kakao.app.secret, read.kakao.template) == (None, None)


def test_no_secret_is_in_a_repr() -> None:
    read = read_notifying(ALL)
    shown = repr(read)
    assert SECRET not in shown and "canary" not in shown and PRIVATE not in shown
    assert is_dataclass(read) and "digest_s=60" in shown
    secret = {each.name for each in fields(NotifyingSettings) if not each.repr}
    assert secret == {"kakao_bot_secret"}


@pytest.mark.parametrize("name", [*KAKAO, *SENS])
def test_what_belongs_together_is_needed_together(name: str) -> None:
    for group in (KAKAO, SENS):
        if name in group:
            others = {other: value for other, value in group.items() if other != name}
            with pytest.raises(BadSetting, match=f"{name} must be set where MADANG_") as refused:
                read_notifying(others)
            assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["MADANG_KAKAO_CLIENT_SECRET", "MADANG_KAKAO_TEMPLATE"])
def test_what_is_kakaos_alone_needs_its_key(name: str) -> None:
    with pytest.raises(BadSetting, match="MADANG_KAKAO_REST_KEY must be set where"):
        read_notifying({name: "4711"})


def test_addresses_of_this_machine_are_allowed_where_private_ones_are() -> None:
    local = {
        "MADANG_DISCORD_API_URL": "http://127.0.0.1:8123/api/v10",
        "MADANG_KAKAO_API_URL": "http://127.0.0.1:8124",
        "MADANG_KAKAO_AUTH_URL": "http://127.0.0.1:8124",
        "MADANG_SENS_API_URL": "http://127.0.0.1:8125",
        "MADANG_PUSH_SERVICE_URL": "http://127.0.0.1:8126",
    }
    read = read_notifying(KAKAO | SENS | local | {"MADANG_PRIVATE_ADDRESSES": "1"})
    assert read.discord.api.port == 8123
    assert read.kakao is not None and read.kakao.app.auth.port == 8124
    assert read.alimtalk is not None and read.alimtalk.api.port == 8125
    assert read.push.service is not None and read.push.service.port == 8126
    for name, url in local.items():
        with pytest.raises(BadSetting, match=f"{name} must begin with https"):
            read_notifying(KAKAO | SENS | {name: url})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MADANG_SEAL_KEYS", "canary"),
        ("MADANG_SEAL_KEYS", "a:canary"),
        ("MADANG_SEAL_KEYS", f"a:{SEAL},a:{SEAL}"),
        ("MADANG_VAPID_KEY", "canary"),
        ("MADANG_VAPID_KEY", PRIVATE + "AA"),
        ("MADANG_VAPID_SUBJECT", "ops@example.org"),
        ("MADANG_VAPID_SUBJECT", "http://example.org"),
        ("MADANG_PUSH_SERVICE_URL", "http://example.org"),
        ("MADANG_PUSH_SERVICE_URL", "https://user:canary@example.org"),
        ("MADANG_DISCORD_API_URL", "discord.com"),
        ("MADANG_DISCORD_API_URL", "https://user:canary@discord.com/api/v10"),
        ("MADANG_DISCORD_BOT_TOKEN", "canary with spaces"),
        ("MADANG_DISCORD_BOT_TOKEN", "canary\n"),
        ("MADANG_DISCORD_PUBLIC_KEY", "ab" * 31),
        ("MADANG_DISCORD_PUBLIC_KEY", "canary"),
        ("MADANG_KAKAO_REST_KEY", "canary é"),
        ("MADANG_KAKAO_REDIRECT_URL", "http://chat.example.org/callback"),
        ("MADANG_KAKAO_AUTH_URL", "ftp://kauth.kakao.com"),
        ("MADANG_KAKAO_TEMPLATE", "canary"),
        ("MADANG_KAKAO_BOT_SECRET", "canary with spaces"),
        ("MADANG_SENS_SERVICE_ID", "a/../b"),
        ("MADANG_SENS_CHANNEL", "madang"),
        ("MADANG_SENS_TEMPLATES", "calendar.reminder"),
        ("MADANG_SENS_TEMPLATES", "calendar.reminder="),
        ("MADANG_SENS_TEMPLATES", "calendar.unheard=a"),
        ("MADANG_SENS_TEMPLATES", "=a"),
        ("MADANG_SENS_TEMPLATES", "*=a/b"),
        ("MADANG_BLOCKED_WORDS", "fine," + "x" * 65),
        ("MADANG_NOTIFICATION_PUSH_PER_HOUR", "-1"),
        ("MADANG_NOTIFICATION_KAKAO_PER_HOUR", "10001"),
        ("MADANG_NOTIFICATION_DISCORD_PER_HOUR", "many"),
        ("MADANG_NOTIFICATION_DIGEST_S", "1.5"),
        ("MADANG_NOTIFICATION_DAYS", "0"),
        ("MADANG_NOTIFICATION_DAYS", "７"),  # noqa: RUF001 - a full-width digit
    ],
)
def test_a_setting_that_is_none_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name) as refused:
        read_notifying(ALL | {name: value})
    assert "canary" not in str(refused.value) and SEAL not in str(refused.value)


def test_each_platform_has_its_limit() -> None:
    assert set(PER_HOUR.values()) == {"push", "kakao", "discord"}
