"""The first programs of the README, as they stand there and run as it says."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_server import REPOSITORY, RunningServer

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
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
