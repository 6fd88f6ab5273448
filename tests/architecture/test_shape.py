"""What the shape of the repository promises a reader."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("server", "actors", "protocol", "bench")
LONGEST_FILE, LONGEST_FUNCTION = 400, 45
KERNEL = ["actor", "ref", "dispatcher", "supervisor", "registry", "timers", "batcher"]


def sources() -> list[Path]:
    return [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function but ``routes``, which are tables and no steps."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "routes":
            yield f"{path.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1  # type: ignore[operator]


def test_no_file_is_longer_than_one_subject() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in sources()}
    assert not {path: length for path, length in lengths.items() if length > LONGEST_FILE}


def test_no_function_is_longer_than_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = dict(entry for path in sources() for entry in functions(path))
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}
    with capsys.disabled():
        half = sorted(lengths.values())[len(lengths) // 2]
        print(f"\n{len(lengths)} functions, the median has {half} lines")  # noqa: T201


def test_no_two_tests_share_a_name() -> None:
    """They are imported by their last name alone: a second one of it stops the whole run."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert not [name for name, times in names.items() if times > 1]


def test_the_kernel_stays_small() -> None:
    lines = sum((ROOT / "actors" / f"{name}.py").read_text().count("\n") for name in KERNEL)
    assert lines < 800


def test_the_readme_names_every_setting() -> None:
    settings = {
        name
        for path in sources()
        for name in re.findall(r"MADANG_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert settings and all(f"`{name}`" in readme for name in settings)


def test_the_readme_names_every_command() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "server", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = re.findall(r"^    (\w+) ", listed, flags=re.M)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(commands) > 4 and all(f"| `{name}" in readme for name in commands)
