"""What the doctor says of settings alone."""

from __future__ import annotations

import pytest

from server.commands.doctor import check_admins
from server.settings import read_admin_addresses

HALVES = "0.0.0.0/1,128.0.0.0/1"


@pytest.mark.parametrize(
    ("host", "addresses", "told"),
    [
        ("127.0.0.1", "0.0.0.0/0", ""),
        ("::1", "::/0", ""),
        ("0.0.0.0", "127.0.0.0/8,::1", ""),  # noqa: S104
        ("0.0.0.0", "", ""),  # noqa: S104
        ("0.0.0.0", "0.0.0.0/0", "0.0.0.0/0"),  # noqa: S104
        ("192.0.2.1", "10.0.0.0/8,0.0.0.0/0,::/0", "0.0.0.0/0, ::/0"),
        ("::", HALVES, "0.0.0.0/0"),
        ("::", "::ffff:0:0/96", "0.0.0.0/0"),
        ("example.org", "::/0", "::/0"),
    ],
)
def test_admins_from_anywhere_are_warned_of_where_others_reach_the_server(
    host: str, addresses: str, told: str
) -> None:
    found = check_admins(host, read_admin_addresses({"MADANG_ADMIN_ADDRESSES": addresses}))
    assert [each.subject for each in found] == ["admins"] * bool(told)
    for finding in found:
        assert f"({told})" in finding.text and "MADANG_ADMIN_ADDRESSES" in finding.remedy
