"""The table of functions in the specification names what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from frame_tables import CLIENT, SERVER

import protocol
from protocol.client.shell import Client
from server.http.app import make_routes

PAGE = (Path(protocol.__file__).parent / "README.md").read_text(encoding="utf-8")
TESTS = Path(__file__).parents[2]
ROOMS = "/api/v1/chats/rooms"


class Nothing:
    """Stands for every part that routes are made of but never ask here."""

    def __getattr__(self, name: str) -> Any:
        return [] if name == "demo" else Nothing()


def functions() -> list[list[str]]:
    section = PAGE.split("## Every function, and where it is")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("row", functions(), ids=lambda row: row[0])
def test_what_the_table_names_is_there(row: list[str]) -> None:
    _, frames, endpoints, calls, test = [re.findall(r"`(.*?)`", cell) for cell in row]
    assert set(frames) <= set(CLIENT) | set(SERVER)
    routes = {f"{route.method} {route.path}" for route in make_routes(Nothing())}  # type: ignore[arg-type]
    for endpoint in endpoints:
        method, path = endpoint.split(" ", 1)
        below = "" if path.startswith("/api/") else ROOMS
        assert f"{method} {below}{path}" in routes
    assert all(hasattr(Client, call) for call in calls)
    file, name = test[0].split("::")
    found = [path.read_text(encoding="utf-8") for path in TESTS.rglob(file)]
    assert found and f"def {name}(" in found[0]
