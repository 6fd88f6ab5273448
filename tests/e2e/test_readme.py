"""The first programs of the README, as they stand there and run as it says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recordings import recorded
from running_server import REPOSITORY, RunningServer

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PROTOCOL = (REPOSITORY / "protocol" / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
BUILT_IN, BEHIND_A_FLAG = 22, 20  # versions of Node with a WebSocket


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "readme") as running:
        yield running


def program(language: str, file: Path, server: RunningServer) -> Path:
    """The README's program, changed in nothing but the server's port."""
    found = re.search(rf"```{language}\n(.*?)```", README, flags=re.S)
    assert found is not None and found[1].count(ADDRESS) == 1
    file.write_text(found[1].replace(ADDRESS, server.url), encoding="utf-8")
    return file


def check(command: list[str]) -> tuple[int, str]:
    """Its first two lines are what one is told to expect; how Ctrl-C ends it, and what it says."""
    with subprocess.Popen(
        ["env", "--default-signal=INT", *command],  # tests in the background inherit it ignored
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        lines = sorted(running.stdout.readline().strip() for _ in range(2))
        running.send_signal(signal.SIGINT)
        try:
            _, wrong = running.communicate(timeout=20)
        finally:
            running.kill()
    assert re.fullmatch(r"1 \w+ 안녕!", lines[0]) and lines[1] == "stored as 1", wrong
    return running.returncode, wrong


def test_the_first_program_in_python_runs(server: RunningServer, tmp_path: Path) -> None:
    assert "`.venv/bin/python first.py`" in README
    file = program("python", tmp_path / "first.py", server)
    assert check([sys.executable, str(file)]) == (0, "")


def test_the_first_program_in_javascript_runs(
    server: RunningServer, tmp_path: Path, node: str
) -> None:
    spelled = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    version = int(spelled.strip("v").split(".")[0])
    if version < BEHIND_A_FLAG:
        pytest.skip(f"Node {version} has no WebSocket")
    told = "node first.mjs" if version >= BUILT_IN else "node --experimental-websocket first.mjs"
    assert f"`{told}`" in README
    file = program("js", tmp_path / "first.mjs", server)
    check([node, *told.split()[1:-1], str(file)])


def test_what_is_said_with_curl_is_heard_and_answered(
    server: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("ㅎㅇ", encoding="utf-8")
    for name in ("hello.webm", "reply.webm"):
        (tmp_path / name).write_bytes(recorded(2))
    sent = re.search(r"Over HTTP, with `curl`.*?```sh\n(.*?)```", README, flags=re.S)
    reply = re.search(r"A reply by voice.*?```sh\n(.*?)```", PROTOCOL, flags=re.S)
    assert sent is not None and reply is not None
    received = 'curl -s $API/broadcasts/received -H "Authorization: Bearer $OTHER"'
    named = f"""BROADCAST=$({received} | sed 's/.*"items":\\[{{"id":"\\([^"]*\\).*/\\1/')"""
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"{sent[1].replace(ADDRESS, server.url)}{named}\nTOKEN=$OTHER\n{reply[1]}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for said in ('"status":"waiting"', '"mine":false,"status":"delivered"', '"seq":2'):
        assert said in done.stdout, done.stdout


def test_the_campaign_of_the_readme_is_sent(server: RunningServer) -> None:
    found = re.search(r"## Campaigns\n.*?```sh\n(.*?)```", README, flags=re.S)
    assert found is not None
    madang = f"{sys.executable} -m server"
    script = found[1].replace(ADDRESS, server.url).replace(".venv/bin/madang", madang)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=REPOSITORY,
        env=os.environ | {"DATA": str(server.data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for said in (
        '"totalUsers":1',
        "event: progress",
        '"status":"COMPLETED"',
        '"message":"The state of the job."',
        "userId,status,reason",
        ",delivered,,1,",
    ):
        assert said in done.stdout, done.stdout


def test_the_notifications_of_the_readme_are_sent_and_streamed(server: RunningServer) -> None:
    accounts = re.search(r"## Campaigns\n.*?```sh\n(.*?)```", README, flags=re.S)
    found = re.search(r"## Notifications\n.*?```sh\n(.*?)```", README, flags=re.S)
    assert accounts is not None and found is not None
    madang = f"{sys.executable} -m server"
    script = (accounts[1] + "echo NOTIFICATIONS\n" + found[1]).replace(ADDRESS, server.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(".venv/bin/madang", madang)],
        cwd=REPOSITORY,
        env=os.environ | {"DATA": str(server.data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.partition("NOTIFICATIONS\n")[2]
    for part in (
        '"title":"점검 안내"',
        '"ways":["web_push","discord_webhook"]',
        '"kind":"discord_webhook"',
        '"quietHours":{"start":"22:00","end":"07:30","days":[0,1,2,3,4]}',
        '"status":"pending"',
        "event: notification",
        '"title":"다시 시작"',
    ):
        assert part in said, said


def test_the_calendar_of_the_readme_is_read(server: RunningServer) -> None:
    found = re.search(r"## Calendars\n.*?```sh\n(.*?)```", README, flags=re.S)
    assert found is not None
    reader = server.sign_up("calendar-reader").token
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", found[1].replace(ADDRESS, server.url)],
        env=os.environ | {"READER": reader},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for said in ('"source":"own"', '"added":3,"leftOut":0', '"source":"import"', "X-WR-CALNAME"):
        assert said in done.stdout, done.stdout


def test_the_friends_of_the_readme_agree_on_a_meeting(server: RunningServer) -> None:
    friends = re.search(r"## Friends\n.*?```sh\n(.*?)```", README, flags=re.S)
    meeting = re.search(r"## Meetings\n.*?```sh\n(.*?)```", README, flags=re.S)
    assert friends is not None and meeting is not None
    script = (friends[1] + meeting[1]).replace(ADDRESS, server.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    standings = re.findall(r'"username":"(\w+)".*?"standing":"(\w+)"', done.stdout)
    assert standings[:4] == [
        *(("junho", "sent"), ("minji", "received")),
        *(("minji", "friend"), ("junho", "friend")),
    ]
    *_, last = re.finditer(r'{"id":"[^"]*","rev"', done.stdout)
    said = json.loads(done.stdout[last.start() :])
    decision = said["decision"]
    assert (said["status"], decision["because"]) == ("confirmed", "settled")
    assert decision["startsAt"] == said["proposedTimes"][0]["datetime"]
