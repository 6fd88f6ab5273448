"""The first programs of the README, as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_server import REPOSITORY, Person, RunningServer

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, flags=re.S)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "readme") as running:
        yield running


def first_lines(command: list[str], text: str) -> list[str]:
    """Its first two lines; it would go on for ever."""
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin is not None and program.stdout is not None
        program.stdin.write(text)
        program.stdin.close()
        lines = [program.stdout.readline().strip() for _ in range(2)]
        program.kill()
    return lines


def test_the_first_program_in_python_runs(server: RunningServer) -> None:
    ann = server.sign_up("python")
    server.make_room(ann)
    lines = first_lines([sys.executable, "-", server.url, ann.token], block("python"))
    check(lines, ann)


def test_the_first_program_in_javascript_runs(server: RunningServer, node: str) -> None:
    ann = server.sign_up("javascript")
    server.make_room(ann)
    program = block("js").replace("ws://127.0.0.1:8000/ws", server.ws)
    library = (HERE / "node_modules/ws/wrapper.mjs").as_uri()
    head = f'import WebSocket from "{library}"; const TOKEN = "{ann.token}";\n'
    check(first_lines([node, "--input-type=module", "-"], head + program), ann)


def check(lines: list[str], ann: Person) -> None:
    assert sorted(lines) == sorted(["stored as 1", f"1 {ann.id} 안녕!"])
