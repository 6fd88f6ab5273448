from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from owners import REPOSITORY, Owner, ask, running_on, seconds_until_gone
from running_server import RunningServer

COMMAND = [sys.executable, "-m", "server"]
SETTINGS = ("MADANG_", "DATA", "PORT", "HOST")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return {**kept, **more}


def madang(
    *arguments: str, code: int = 0, env: Mapping[str, str] = environment()
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; it must end with *code*."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=REPOSITORY,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def complaint(*arguments: str, env: Mapping[str, str] = environment()) -> str:
    """What a command that fails says: one line."""
    done = madang(*arguments, code=1, env=env)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture(scope="module")
def data(open_folder: Path) -> Path:
    """Data that the tests of this module share."""
    folder = open_folder / "commands-data"
    madang("migrate", "--data", str(folder))
    return folder


@pytest.fixture(scope="module")
def people(data: Path) -> list[dict[str, object]]:
    return fixture(data, users=6, rooms=4, size=3)


def fixture(data: Path, *, users: int, rooms: int, size: int) -> list[dict[str, object]]:
    out = data / f"fixture-{users}-{rooms}-{size}.jsonl"
    counts = ["--users", str(users), "--rooms", str(rooms), "--size", str(size)]
    madang("fixture", *counts, "--out", str(out), "--data", str(data))
    assert out.stat().st_mode & 0o077 == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.fixture(params=["nobody serves", "a server runs"])
def either_way(request: pytest.FixtureRequest, data: Path) -> Iterator[str]:
    """The data, with and without a running server on it."""
    if request.param == "nobody serves":
        yield str(data)
        return
    with Owner(data, "serve") as owner:
        owner.up()
        yield str(data)
        owner.let_go()


def test_migrate_prints_what_it_applied_and_then_nothing_to_do(open_folder: Path) -> None:
    folder = str(open_folder / "fresh-data")
    assert madang("migrate", "--data", folder).stdout.startswith("0001_")
    assert "nothing to do" in madang("migrate", "--data", folder).stdout


def test_a_fixture_spreads_its_rooms_evenly(people: list[dict[str, object]]) -> None:
    assert [set(person) for person in people] == [{"user", "username", "token", "rooms"}] * 6
    rooms = [room for person in people for room in person["rooms"]]  # type: ignore[attr-defined]
    assert [rooms.count(room) for room in set(rooms)] == [3] * 4
    assert {len(person["rooms"]) for person in people} == {2}  # type: ignore[arg-type]


def test_a_fixture_works_either_way(either_way: str) -> None:
    made = fixture(Path(either_way), users=2, rooms=1, size=2)
    assert made[0]["rooms"] == made[1]["rooms"] != []


def test_a_room_larger_than_the_crowd_is_refused(data: Path, tmp_path: Path) -> None:
    counts = ["--users", "2", "--rooms", "1", "--size", "3"]
    out = tmp_path / "out"
    said = complaint("fixture", *counts, "--out", str(out), "--data", str(data))
    assert said == "madang: --size must be from 1 to --users (2), not 3"
    assert not out.exists()


def test_token_prints_username_id_and_a_token(
    either_way: str, people: list[dict[str, object]]
) -> None:
    names = [str(person["username"]) for person in people[:2]]
    lines = madang("token", *names, "--data", either_way).stdout.splitlines()
    assert [line.split(" ")[:2] for line in lines] == [
        [person["username"], person["user"]] for person in people[:2]
    ]
    assert all(re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", line.split(" ")[2]) for line in lines)


def test_one_unknown_name_among_known_ones_gives_no_token(
    data: Path, people: list[dict[str, object]]
) -> None:
    said = complaint("token", str(people[0]["username"]), "no\x1bbody", "--data", str(data))
    assert said == "madang: there is no user called no\\x1bbody"


@pytest.mark.parametrize("made", [True, False], ids=["an empty folder", "no folder"])
@pytest.mark.parametrize("command", [["token", "mina"], ["admin", "grant", "mina"]], ids=str)
def test_who_is_asked_about_where_no_data_is_makes_none(
    command: list[str], made: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "typo"
    if made:
        folder.mkdir()
    said = complaint(*command, "--data", str(folder))
    assert said.startswith(f"madang: there is no data in {folder}: ")
    assert list(tmp_path.rglob("*")) == [folder] * made


def test_the_doctor_leaves_nothing_where_no_data_is(tmp_path: Path) -> None:
    done = madang("doctor", "--data", str(tmp_path / "typo"), "--port", "0")
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    assert ["ok", "data"] in lines and ["ok", "database"] in lines
    assert list(tmp_path.iterdir()) == []


def test_admin_grant_makes_an_administrator(
    either_way: str, people: list[dict[str, object]]
) -> None:
    username = str(people[5]["username"])
    assert username in madang("admin", "grant", username, "--data", either_way).stdout
    with Owner(Path(either_way), "command") as owner:
        sql = f"SELECT role FROM users WHERE username = '{username}'"  # noqa: S608
        assert ask(owner.up().database_url, sql) == ["admin"]
        owner.let_go()
    assert "no user called nobody" in complaint("admin", "grant", "nobody", "--data", either_way)


def test_the_audit_log_is_verified_and_its_noted_head_found(
    either_way: str, people: list[dict[str, object]]
) -> None:
    place, username = ("--data", either_way), str(people[4]["username"])
    madang("admin", "grant", username, *place)
    told = re.fullmatch(
        r"(\d+) entries, head ([0-9a-f]{64})\n", madang("audit", "verify", *place).stdout
    )
    assert told is not None and int(told[1]) > 0
    madang("admin", "grant", username, *place)
    again = madang("audit", "verify", "--head", told[2], *place)
    assert again.stdout.startswith(f"{int(told[1]) + 1} entries, head ")
    missing = madang("audit", "verify", "--head", "0" * 64, *place, code=1)
    assert "entries are missing" in missing.stdout
    assert "64 hex digits" in madang("audit", "verify", "--head", "x", *place, code=2).stderr


def test_an_audit_log_that_was_changed_is_told_by_its_first_entry_that_was(
    data: Path, people: list[dict[str, object]]
) -> None:
    madang("admin", "grant", str(people[4]["username"]), "--data", str(data))
    with Owner(data, "serve") as owner:
        url = owner.up().database_url
        told = []
        for count in ("99", "NULL"):
            ask(
                url,
                "ALTER TABLE audit_log DISABLE TRIGGER audit_kept",
                f"UPDATE audit_log SET count = {count} WHERE audit_no = 1",  # noqa: S608
                "ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_kept",
            )
            code = int(count == "99")
            told.append(madang("audit", "verify", "--data", str(data), code=code).stdout)
        owner.let_go()
    assert told[0].splitlines() == ["0 entries, head none", "broken at entry 1"]
    assert "broken" not in told[1]


def test_the_doctor_finds_nothing_wrong_here(either_way: str) -> None:
    done = madang("doctor", "--data", either_way, "--port", "0")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["ok", subject]
        for subject in (
            "python files port database encoding durable redis storage testers".split()  # noqa: SIM905
        )
    ]


def test_the_doctor_says_how_to_mend_a_taken_port(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = madang("doctor", "--data", str(data), "--port", port, code=1)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert len(wrong) == 1
    assert "--port" in wrong[0]


def test_the_doctor_wants_a_database_of_utf_8_in_whatever_locale(data: Path) -> None:
    with Owner(data, "serve") as owner:
        url = owner.up().database_url
        for encoding, code in (("UTF8", 0), ("LATIN1", 1)):
            ask(url, f"CREATE DATABASE d{code} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
            other = ["--database-url", url.replace("/postgres?", f"/d{code}?")]
            done = madang("doctor", "--data", str(data), "--port", "0", *other, code=code)
            wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
            assert [line.split()[1] for line in wrong] == ["encoding"] * code
        owner.let_go()


def test_an_unreachable_database_is_told_in_one_line(data: Path) -> None:
    url = "postgresql://nobody:hunter2@127.0.0.1:1/none"
    said = complaint("migrate", "--data", str(data), "--database-url", url)
    assert said.startswith("madang: PostgreSQL: ")
    assert "hunter2" not in said
    checked = madang("doctor", "--data", str(data), "--port", "0", "--database-url", url, code=1)
    assert "wrong database" in checked.stdout


def test_a_wrong_database_name_is_told_in_one_line(data: Path) -> None:
    with Owner(data, "serve") as owner:
        url = owner.up().database_url.replace("/postgres?", "/none?")
        said = complaint("migrate", "--data", str(data), "--database-url", url)
        assert 'database "none" does not exist' in said
        owner.let_go()


def test_an_external_database_without_a_key_refuses_to_serve(tmp_path: Path) -> None:
    said = complaint("serve", "--data", str(tmp_path), "--database-url", "postgresql://db/x")
    assert "MADANG_TOKEN_KEY must be set" in said


def test_a_short_key_refuses_to_serve(tmp_path: Path) -> None:
    env = environment(MADANG_TOKEN_KEY="short")
    assert "MADANG_TOKEN_KEY has 5 bytes" in complaint("serve", "--data", str(tmp_path), env=env)


def test_echo_on_an_open_address_refuses_to_serve(tmp_path: Path) -> None:
    env = environment(MADANG_ECHO="1")
    said = complaint("serve", "--data", str(tmp_path), "--host", "0.0.0.0", env=env)  # noqa: S104
    assert "MADANG_ECHO" in said


def test_a_taken_port_is_told_in_one_line(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = madang("serve", "--data", str(data), "--port", port, code=1)
    told = [line for line in done.stderr.splitlines() if line.startswith("madang: ")]
    assert len(told) == 1
    assert f"127.0.0.1:{port} (Address already in use)" in told[0]
    assert "--port" in told[0] and "PORT=" in told[0]
    assert "Traceback" not in done.stderr


def test_an_address_of_another_machine_is_told_in_one_line(data: Path) -> None:
    done = madang("serve", "--data", str(data), "--host", "192.0.2.1", "--port", "0", code=1)
    told = [line for line in done.stderr.splitlines() if line.startswith("madang: ")]
    assert len(told) == 1
    assert "192.0.2.1:0 (" in told[0] and "--host" in told[0]


class Served:
    """A real ``madang serve``, introduced."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", "--data", str(data), "--introduce"],
            cwd=REPOSITORY,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().removeprefix("ready ").strip()
        self.introduction = [self.process.stdout.readline() for _ in range(7)]

    def stop(self, how: signal.Signals) -> float:
        """Stop it; how many seconds until nothing was left."""
        started = time.monotonic()
        self.process.send_signal(how)
        self.process.communicate(timeout=20)
        seconds_until_gone(self.data, at_most=5)
        return time.monotonic() - started


def test_serve_introduces_itself_with_accounts_that_sign_in(open_folder: Path) -> None:
    served = Served(open_folder / "demo-data")
    curl = next(line for line in served.introduction if "curl" in line)
    done = subprocess.run(["/bin/sh", "-c", curl], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["token"]
    accounts = json.loads((served.data / "demo.json").read_text())["accounts"]
    assert (served.data / "demo.json").stat().st_mode & 0o077 == 0
    for account in accounts:
        assert f"  {account['username']} {account['password']}\n" in served.introduction
        body = json.dumps({"username": account["username"], "password": account["password"]})
        request = urllib.request.Request(
            f"{served.url}/api/v1/auth/token",
            body.encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.loads(answer.read())["user"]["username"] == account["username"]
    assert served.stop(signal.SIGINT) < 5
    assert served.process.returncode == 0


def test_the_doctor_knows_the_port_of_the_server_on_this_data(open_folder: Path) -> None:
    served = Served(open_folder / "doctor-data")
    port = served.url.rpartition(":")[2]
    place = ["doctor", "--data", str(served.data), "--port"]
    done = madang(*place, port)
    own = f"127.0.0.1:{port} process {served.process.pid} serves here already\n"
    assert own in done.stdout
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = madang(*place, str(taken.getsockname()[1]), code=1)
    assert "wrong port" in done.stdout
    assert served.stop(signal.SIGTERM) < 5


def test_a_killed_server_leaves_nothing_and_starts_again_with_the_same_accounts(
    open_folder: Path,
) -> None:
    first = Served(open_folder / "killed-data")
    assert first.stop(signal.SIGKILL) < 2
    second = Served(first.data)
    assert [line for line in second.introduction if "  " in line and "curl" not in line] == [
        line for line in first.introduction if "  " in line and "curl" not in line
    ]
    assert second.stop(signal.SIGTERM) < 5
    assert not running_on(first.data)


def test_unread_verify_recounts_beside_a_running_server(open_folder: Path) -> None:
    folder = open_folder / "verified"
    with RunningServer(folder) as server:
        ann, bob = server.sign_up("ann"), server.sign_up("bob")
        room = server.make_room(ann, bob)
        messages = f"/api/v1/chats/rooms/{room}/messages"
        for body in ("one", "two"):
            server.call("POST", messages, {"body": body}, token=ann.token)
        server.call("DELETE", f"{messages}/1", token=ann.token)
        told = madang("unread", "verify", "--data", str(folder)).stdout
        assert told.endswith("memberships, 0 drifted\n")
