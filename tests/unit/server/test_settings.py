from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import MappingProxyType

import pytest

from actors.campaign_numbers import CampaignNumbers
from server.campaign_settings import NUMBERS
from server.failure import BadSetting
from server.providers.endpoints import Endpoint
from server.settings import (
    MessageApiSettings,
    Place,
    Settings,
    read_place,
    read_settings,
    read_token_key,
)
from server.token_key import load_token_key

EMBEDDED = Place(Path("data"), None, None)
EXTERNAL = Place(Path("data"), "postgresql://localhost/madang", None)
KEY = b"k" * 32


def settings(
    environ: Mapping[str, str] = MappingProxyType({}),
    *,
    place: Place = EMBEDDED,
    host: str = "127.0.0.1",
) -> Settings:
    return read_settings(environ, place, host=host, port=8000, token_key=KEY)


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    read = settings()
    assert (read.rate_per_connection, read.rate_per_user) == (100, 200)
    assert (read.origins, read.trusted_proxies) == ((), ())
    assert (read.echo, read.log_level) == (False, "INFO")
    assert (read.files_url, read.files_quota) == (None, 2**30)
    assert (read.message_api, read.alerts, read.private_addresses) == (None, None, False)


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MADANG_RATE_PER_CONNECTION", "-1"),
        ("MADANG_RATE_PER_CONNECTION", "1.5"),
        ("MADANG_RATE_PER_USER", "many"),
        ("MADANG_RATE_PER_USER", "１"),  # noqa: RUF001 - a full-width digit
        ("MADANG_ECHO", "yes"),
        ("MADANG_LOG_LEVEL", "loud"),
        ("MADANG_ORIGINS", "example.org"),
        ("MADANG_ORIGINS", "https://example.org/page"),
        ("MADANG_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("MADANG_ADMIN_ADDRESSES", "10.0.0.0/33"),
        ("MADANG_ADMIN_ADDRESSES", "10.0.0.1 10.0.0.2"),
        ("MADANG_ADMIN_ADDRESSES", "127.0.0.1,localhost"),
        ("MADANG_ADMIN_ADDRESSES", "010.0.0.1"),
        ("MADANG_FILES_URL", "http://example.org/files"),
        ("MADANG_FILES_URL", "s3:///files"),
        ("MADANG_FILES_QUOTA_MIB", "-1"),
        ("MADANG_SERVICE_NAME", " "),
        ("MADANG_SERVICE_NAME", "x" * 65),
        ("MADANG_SERVICE_NAME", "a\nb"),
        ("MADANG_CAMPAIGN_ZONE", "Seoul"),
        ("MADANG_CAMPAIGN_ZONE", "../etc/passwd"),
        ("MADANG_CAMPAIGN_ZONE", "right/UTC"),
        ("MADANG_MESSAGE_COST", "-1"),
        ("MADANG_MESSAGE_COST", "9,9"),
        ("MADANG_MESSAGE_COST", "1e9"),
        *((name, wrong) for name in NUMBERS for wrong in ("-1", "1.5", "many", "1" * 9)),
        ("MADANG_CAMPAIGN_WORKERS", "51"),
        ("MADANG_CAMPAIGN_BATCH", "1001"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} "):
        settings({name: value})


def test_the_numbers_of_campaigns_are_those_of_the_specification_unless_they_are_set() -> None:
    assert settings().campaigns.numbers == CampaignNumbers()
    for name, (field, least, most) in NUMBERS.items():
        alone = {"MADANG_CAMPAIGN_WORKERS": "1", "MADANG_CAMPAIGN_BATCH": "1"}
        for number in (least, most):
            rest = {"MADANG_CAMPAIGN_WORKERS_MOST": "1000", "MADANG_CAMPAIGN_PAGE": "10000"}
            rest |= {"MADANG_CAMPAIGN_QUEUE": "100000"}
            read = settings(alone | rest | {name: str(number)})
            assert getattr(read.campaigns.numbers, field) == number


def test_lists_are_read_with_spaces_and_empty_items() -> None:
    read = settings(
        {
            "MADANG_ORIGINS": " https://Example.org/, http://localhost:3000 ,",
            "MADANG_TRUSTED_PROXIES": "10.1.2.3/8,::1",
        }
    )
    assert read.origins == ("https://example.org", "http://localhost:3000")
    assert read.trusted_proxies == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    )


def test_admins_are_on_this_machine_unless_it_is_said_otherwise() -> None:
    def read(text: str) -> list[str]:
        return [str(each) for each in settings({"MADANG_ADMIN_ADDRESSES": text}).admin_addresses]

    assert [str(each) for each in settings().admin_addresses] == ["127.0.0.0/8", "::1/128"]
    assert (read(""), read(" , ")) == ([], [])
    assert read("10.1.2.3/8, 2001:db8::/32") == ["10.0.0.0/8", "2001:db8::/32"]
    assert read("::ffff:10.1.2.3,::ffff:10.0.0.0/104") == ["10.1.2.3/32", "10.0.0.0/8"]
    assert read("::/0,::ffff:0:0/95") == ["::/0", "::fffe:0:0/95"]


def test_zero_means_no_limit() -> None:
    assert settings({"MADANG_RATE_PER_USER": "0"}).rate_per_user == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])  # noqa: S104
def test_echo_is_refused_where_others_can_reach_it(host: str) -> None:
    with pytest.raises(BadSetting, match=r"^MADANG_ECHO "):
        settings({"MADANG_ECHO": "1"}, host=host)
    assert settings({"MADANG_ECHO": "1"}, host="::1").echo


def test_demo_accounts_are_for_embedded_data_on_a_loopback_address() -> None:
    assert settings().demo
    assert not settings(host="0.0.0.0").demo  # noqa: S104
    assert not settings(place=EXTERNAL).demo


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(BadSetting, match=r"^PORT "):
        read_settings({}, EMBEDDED, host="127.0.0.1", port=port, token_key=KEY)


def test_arguments_go_before_the_environment_and_that_before_the_default() -> None:
    environ = {"DATA": "from-environ", "MADANG_REDIS_URL": "redis://one"}
    assert read_place({}).data == Path(".data")
    assert read_place(environ).data == Path("from-environ")
    given = read_place(environ, data="given", redis_url="redis://two")
    assert given == (Path("given"), None, "redis://two")


def test_an_address_of_another_kind_is_refused_without_showing_it() -> None:
    with pytest.raises(BadSetting, match=r"^MADANG_DATABASE_URL ") as refused:
        read_place({"MADANG_DATABASE_URL": "mysql://user:hunter2@db"})
    assert "hunter2" not in str(refused.value)


def test_a_short_key_is_refused_without_showing_it() -> None:
    with pytest.raises(BadSetting, match=r"^MADANG_TOKEN_KEY has 31 bytes") as refused:
        read_token_key({"MADANG_TOKEN_KEY": "q" * 31})
    assert "qqq" not in str(refused.value)
    assert read_token_key({"MADANG_TOKEN_KEY": "q" * 32}) == "q" * 32


def test_an_external_database_needs_a_given_key(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"^MADANG_TOKEN_KEY must be set"):
        load_token_key(None, tmp_path, embedded=False)
    assert load_token_key("g" * 32, tmp_path, embedded=False) == b"g" * 32


def test_the_embedded_key_is_made_once_for_our_eyes_alone(tmp_path: Path) -> None:
    key = load_token_key(None, tmp_path, embedded=True)
    assert len(key) >= 32
    assert load_token_key(None, tmp_path, embedded=True) == key
    assert [path.name for path in tmp_path.iterdir()] == ["token.key"]
    assert (tmp_path / "token.key").stat().st_mode & 0o777 == 0o600


def test_a_cut_off_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token.key").write_text("short")
    with pytest.raises(BadSetting, match=r"token\.key holds 5 bytes"):
        load_token_key(None, tmp_path, embedded=True)


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_API = {"MADANG_MESSAGE_API_URL": "https://api.example/v1", "MADANG_MESSAGE_API_KEY": "k3y"}
ALERTS = {"MADANG_ALERT_URL": "https://watch.example/h", "MADANG_ALERT_SECRET": SECRET}


def test_the_message_api_is_read_with_its_defaults_and_without() -> None:
    endpoint = Endpoint("https", "api.example", 443, "/v1")
    assert settings(MESSAGE_API).message_api == MessageApiSettings(endpoint, "k3y", False, 50)
    more = {"MADANG_MESSAGE_API_IDEMPOTENT": "1", "MADANG_MESSAGE_API_RATE": "0"}
    assert settings(MESSAGE_API | more).message_api == MessageApiSettings(endpoint, "k3y", True, 0)


def test_alerts_are_signed_with_each_secret_that_is_given() -> None:
    read = settings(ALERTS | {"MADANG_ALERT_SECRET": f"{SECRET} whsec_{'QUJD' * 10}"}).alerts
    assert read is not None
    assert read.endpoint == Endpoint("https", "watch.example", 443, "/h")
    assert [len(secret) for secret in read.secrets] == [24, 30]


@pytest.mark.parametrize("pair", [MESSAGE_API, ALERTS], ids=["message API", "alerts"])
def test_an_address_and_its_secret_are_set_together(pair: Mapping[str, str]) -> None:
    for name, other in zip(pair, reversed(pair), strict=True):
        with pytest.raises(BadSetting, match=f"^{other} must be set where {name} is$"):
            settings({name: pair[name]})


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        (MESSAGE_API, "MADANG_MESSAGE_API_URL", "http://hunter2.example/v1"),
        (MESSAGE_API, "MADANG_MESSAGE_API_URL", "https://user:hunter2@api.example/v1"),
        (MESSAGE_API, "MADANG_MESSAGE_API_URL", "https://api.example:hunter2/"),
        (MESSAGE_API, "MADANG_MESSAGE_API_KEY", "hunter2\r\nX: y"),
        (MESSAGE_API, "MADANG_MESSAGE_API_KEY", "hunter2 hunter2"),
        (MESSAGE_API, "MADANG_MESSAGE_API_RATE", "-1"),
        (MESSAGE_API, "MADANG_MESSAGE_API_IDEMPOTENT", "maybe"),
        (ALERTS, "MADANG_ALERT_URL", "https://watch.example:25/hunter2"),
        (ALERTS, "MADANG_ALERT_SECRET", "hunter2"),
        (ALERTS, "MADANG_PRIVATE_ADDRESSES", "yes"),
    ],
)
def test_a_wrong_provider_is_refused_by_name_without_showing_secrets(
    pair: Mapping[str, str], name: str, value: str
) -> None:
    with pytest.raises(BadSetting, match=f"^{name} ") as refused:
        settings({**pair, name: value})
    assert "hunter2" not in str(refused.value)


def test_private_addresses_need_neither_tls_nor_a_usual_port() -> None:
    near = {"MADANG_PRIVATE_ADDRESSES": "1", "MADANG_ALERT_URL": "http://127.0.0.1:9000"}
    read = settings(ALERTS | near)
    assert read.private_addresses and read.alerts is not None
    assert read.alerts.endpoint == Endpoint("http", "127.0.0.1", 9000, "/")
