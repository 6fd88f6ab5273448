"""``madang users import``: what it stores, and that no number is anywhere afterwards."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from server.lifecycle import Backends

REPOSITORY = Path(__file__).parents[2]
CANARIES = {
    "900101-1738194",
    "050229-3641857",
    "991231-9562948",
    "991231-3729461",
    "881130-2896417",
    "770707-6583926",
}
TOO_LONG = f"kim,{'990909-1475839 ' * 400}"


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def place(backends: Backends, database_url: str) -> list[str]:
    query(
        database_url,
        "INSERT INTO users (user_id, username, name, phone, region, gender, status)"
        " SELECT 'u' || n, who, 'Old name', '010-1111-2222', '부산', 'other',"
        " CASE who WHEN 'gone' THEN 'deleted' ELSE 'active' END"
        " FROM unnest(ARRAY['mina', 'Kim', 'lee', 'park', 'choi', '민아', 'gone'])"
        " WITH ORDINALITY AS asked (who, n)",
    )
    return ["--database-url", database_url, "--redis-url", backends.redis_url]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def query(url: str, sql: str) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(run())


def madang(*arguments: str | Path, stderr: int = subprocess.PIPE) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "server", "users", "import", *map(str, arguments)],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if not name.startswith("MADANG_")},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def dump(url: str) -> str:
    """Every row of every table, as text, but for times of day and hashes: six digits are in those,
    too.
    """
    tables = query(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [str(row) for (name,) in tables for row in query(url, f'SELECT t::text FROM "{name}" t')]  # noqa: S608
    return re.sub(r"\d\d:\d\d:\d\d\.\d+|x[0-9a-f]{64}", "", "\n".join(rows))


def imports(url: str) -> list[int]:
    """How many people each entry of an import is about; nothing else is in it."""
    rows = query(
        url,
        "SELECT count, actor_no, subject_no, address, details FROM audit_log"
        " WHERE action = 'users.import' ORDER BY audit_no",
    )
    assert all(row[1:] == (None, None, None, "{}") for row in rows)
    return [row[0] for row in rows]


def assert_told_nowhere(*texts: str) -> None:
    everything = "\n".join(texts)
    for number in (*CANARIES, "990909-1475839"):
        assert number not in everything
        assert number.replace("-", "") not in everything
        assert number[-6:] not in everything


def people(url: str, *columns: str) -> dict[str, tuple[Any, ...]]:
    sql = f"SELECT username, {', '.join(columns)} FROM users WHERE registration_masked IS NOT NULL"  # noqa: S608
    return {row[0]: row[1:] for row in query(url, sql)}


def test_it_stores_what_the_numbers_tell_and_what_else_is_given(
    place: list[str], file: Path, database_url: str
) -> None:
    file.write_text(
        "\ufeffusername,registration_number,phone,name,region\r\n"
        "MINA,900101-1738194,010-3333-4444,김 민아,서울\r\n"
        "kim,8811302896417,,,\r\n"
        "\u1106\u1175\u11ab\u110b\u1161,770707-6,,,\r\n",
        encoding="utf-8",
    )
    done = madang(file, *place)
    assert done == (0, "3 people imported, 0 lines refused\n", "")
    columns = ("birth_date", "gender", "registration_masked", "phone", "name", "region")
    as_they_were = ("010-1111-2222", "Old name", "부산")
    assert people(database_url, *columns) == {
        "mina": (date(1990, 1, 1), "male", "900101-1******", "010-3333-4444", "김 민아", "서울"),
        "Kim": (date(1988, 11, 30), "female", "881130-2******", *as_they_were),
        "민아": (date(1977, 7, 7), "female", "770707-6******", *as_they_were),
    }
    assert_told_nowhere(dump(database_url))
    assert madang(file, *place) == done, "it can be done again"


REFUSED = (
    f"""username,registration_number,phone,name,region
mina,900101-1738194,,,
kim,050229-3641857,,,
lee,991231-9562948,,,
lee,991231-3729461,,,
nobody,881130-2896417,,,
gone,881130-2896417,,,
Mina,881130-2896417,,,
park,881130-2896417,881130-2896417,,
park,881130-2896417,,770707-6583926,
770707-6583926,770707-6583926,,,
choi,"770707-6583926,,,
choi,770707-6583926
{TOO_LONG}
park,7707076-583926,,,
choi,770707-6583926,,,Atlantis
""".encode()
    + "민아,770707-6583926,,민아,\n".encode("cp949")
)
TOLD = """line 3: bad_number
line 4: born_before_1900
line 5: born_in_future
line 6: unknown_person
line 7: unknown_person
line 8: same_person
line 9: number_elsewhere
line 10: number_elsewhere
line 11: number_elsewhere
line 12: bad_csv
line 13: wrong_columns
line 14: too_long
line 15: bad_number
line 16: not_stored
line 17: not_utf8
"""


@pytest.fixture
def no_atlantis(place: list[str], database_url: str) -> None:
    """Something the database alone knows to be wrong."""
    query(database_url, "ALTER TABLE users ADD CHECK (region <> 'Atlantis')")


@pytest.mark.usefixtures("no_atlantis")
@pytest.mark.parametrize("to_file", [False, True], ids=["to stderr", "to a file"])
def test_refused_lines_are_told_by_number_and_code_and_the_others_stored(
    place: list[str], file: Path, database_url: str, to_file: bool
) -> None:
    file.write_bytes(REFUSED)
    report = file.with_name("report")
    done = madang(file, *place, *(["--report", report] if to_file else []))
    assert done.code == 1
    assert done.out == "1 people imported, 15 lines refused\n"
    told = report.read_text() if to_file else done.err
    assert told == TOLD
    assert done.err == ("" if to_file else TOLD)
    assert people(database_url, "registration_masked") == {"mina": ("900101-1******",)}
    assert imports(database_url) == [1]


@pytest.mark.usefixtures("no_atlantis")
def test_no_number_is_anywhere_afterwards(
    place: list[str], file: Path, database_url: str, backends: Backends, open_folder: Path
) -> None:
    file.write_bytes(REFUSED)
    report = file.with_name("report")
    texts = []
    for arguments in (["--dry-run"], [], ["--report", str(report)]):
        done = madang(file, *arguments, *place)
        assert done.code == 1
        texts += [done.out, done.err]
    kept = dump(database_url)
    assert "900101-1******" in kept and "(1990-01-01" not in kept and "1990-01-01" in kept
    query(database_url, "CHECKPOINT")
    assert_told_nowhere(*texts, report.read_text(), kept)
    whole = [form.encode() for number in CANARIES for form in (number, number.replace("-", ""))]
    contents = [path.read_bytes() for path in kept_files(open_folder / "data")]
    assert sum(b"900101-1******" in content for content in contents) >= 1
    assert not any(form in content for content in contents for form in whole)


def kept_files(folder: Path) -> Iterator[Path]:
    """All that PostgreSQL and the servers keep: tables, write-ahead log, logs."""
    record = folder / "elsewhere"
    homes = [folder, Path(record.read_text().strip())] if record.exists() else [folder]
    return (path for home in homes for path in home.rglob("*") if path.is_file())


def test_a_dry_run_says_the_same_and_stores_nothing(
    place: list[str], file: Path, database_url: str
) -> None:
    file.write_bytes(REFUSED)
    before = dump(database_url)
    done = madang(file, "--dry-run", *place)
    assert done.code == 1
    assert done.out == "2 people would be imported, 14 lines refused\n"
    assert done.err == TOLD.replace("line 16: not_stored\n", "")
    assert dump(database_url) == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "the header must have registration_number, and either username or user_id"),
        ("mina,900101-1738194\n", "the header's column 1 is none of username, user_id, "),
        ('username,"900101-1738194\n', "the first line of the file is no header: bad_csv"),
    ],
)
def test_a_file_without_a_header_is_told_in_one_line(
    place: list[str], file: Path, content: str, why: str
) -> None:
    file.write_text(content)
    done = madang(file, *place)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"madang: {why}") and done.err.count("\n") == 1
    assert_told_nowhere(done.err)


def test_what_is_wrong_with_a_path_is_told_without_it(place: list[str], file: Path) -> None:
    file.write_text("username,registration_number\n")
    missing = file.with_name("900101-1738194")
    for arguments, why in (
        ([missing], "FILE cannot be read: No such file or directory"),
        ([file.parent], "FILE cannot be read: Is a directory"),
        (
            [file, "--report", missing / "x"],
            "--report cannot be written: No such file or directory",
        ),
        ([file, "--report", file], "--report is FILE itself"),
    ):
        assert madang(*arguments, *place) == (1, "", f"madang: {why}\n")
    assert file.read_text() == "username,registration_number\n"


@pytest.mark.parametrize(
    "trouble",
    [
        "RAISE EXCEPTION 'no: %', NEW",
        "RAISE EXCEPTION 'no: %', NEW USING ERRCODE = 'insufficient_resources'",
        "PERFORM pg_terminate_backend(pg_backend_pid())",
    ],
    ids=["refuses", "full", "lost"],
)
def test_a_database_that_fails_tells_nothing_of_a_number_either(
    place: list[str], file: Path, database_url: str, trouble: str, open_folder: Path
) -> None:
    query(
        database_url,
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN {trouble}; RETURN NEW; END $$",
    )
    query(
        database_url,
        "CREATE TRIGGER fail BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    file.write_text("username,registration_number\nmina,900101-1738194\nkim,770707-6583926\n")
    done = madang(file, *place)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith("madang: PostgreSQL: ")
    logs = [path.read_text("utf-8", "replace") for path in (open_folder / "data").glob("*.log")]
    assert logs
    assert_told_nowhere(done.err, dump(database_url), *logs)
    assert people(database_url, "birth_date") == {}
    assert imports(database_url) == []


def test_each_part_that_is_stored_has_an_entry_in_the_audit_log(
    place: list[str], file: Path, database_url: str
) -> None:
    file.write_text("username,registration_number\nmina,900101-1738194\nkim,770707-6583926\n")
    assert madang(file, "--dry-run", *place).code == 0
    assert imports(database_url) == []
    for count in (2, 2):
        assert madang(file, *place).code == 0
        assert imports(database_url)[-1] == count
    file.write_text("username,registration_number\nnobody,900101-1738194\n")
    assert madang(file, *place).code == 1
    assert imports(database_url) == [2, 2], "where nobody was changed there is none"
    verify = [sys.executable, "-m", "server", "audit", "verify", *place]
    done = subprocess.run(
        verify, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("2 entries, head ")


def test_one_line_that_is_not_stored_makes_few_parts_of_the_others(
    place: list[str], file: Path, database_url: str
) -> None:
    query(
        database_url,
        "INSERT INTO users (user_id, username) SELECT 'c' || n, 'crowd' || n"
        " FROM generate_series(1, 100) n",
    )
    query(database_url, "ALTER TABLE users ADD CHECK (region <> 'Atlantis')")
    rows = [f"c{n},850612-1738194,{'Atlantis' * (n == 70)}\n" for n in range(1, 101)]
    file.write_text(f"user_id,registration_number,region\n{''.join(rows)}")
    done = madang(file, *place)
    assert done == (1, "99 people imported, 1 lines refused\n", "line 71: not_stored\n")
    counts = imports(database_url)
    assert sum(counts) == 99 and len(counts) < 10


def test_a_thousand_lines_are_stored_at_once_in_one_transaction(
    place: list[str], file: Path, database_url: str
) -> None:
    query(
        database_url,
        "INSERT INTO users (user_id, username) SELECT 'c' || n, 'crowd' || n"
        " FROM generate_series(1, 2500) n",
    )
    rows = "".join(f"c{n},850612-{1 + n % 2}738194\n" for n in range(1, 2501))
    file.write_text(f"user_id,registration_number\n{rows}")
    assert madang(file, *place).out == "2500 people imported, 0 lines refused\n"
    counts = query(
        database_url,
        "SELECT count(*) FROM users WHERE registration_masked IS NOT NULL GROUP BY xmin::text",
    )
    assert sorted(counts) == [(500,), (1000,), (1000,)]
    assert imports(database_url) == [1000, 1000, 500]
    genders = query(database_url, "SELECT gender, count(*) FROM users GROUP BY 1 ORDER BY 1")
    assert genders[:2] == [("female", 1250), ("male", 1250)]


def test_on_a_terminal_a_bar_shows_how_far_it_is(place: list[str], file: Path) -> None:
    file.write_text("username,registration_number\nmina,900101-1738194\nkim,1\n")
    terminal, stderr = pty.openpty()
    done = madang(file, *place, stderr=stderr)
    os.close(stderr)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert done.code == 1
    assert "line 3: bad_number" in shown
    assert f"[{'#' * 30}] 100% 1 people, 1 lines refused" in shown
    assert shown.endswith("\r\x1b[K"), "it is gone at the end"
    assert_told_nowhere(shown, done.out)
