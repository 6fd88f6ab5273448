"""SIGTERM in the middle of HTTP requests."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from running_server import RunningServer

REQUESTS = 24


def test_requests_in_flight_are_answered_before_the_server_ends(open_folder: Path) -> None:
    answered: list[str] = []
    with RunningServer(open_folder / "drain") as server:

        def sign_up(number: int) -> None:
            answered.append(server.sign_up(f"user{number}").username)

        threads = [threading.Thread(target=sign_up, args=(n,)) for n in range(REQUESTS)]
        for thread in threads:
            thread.start()
        while not answered:
            time.sleep(0.005)
        assert server.stop() == 0
        for thread in threads:
            thread.join()
    assert len(answered) == REQUESTS
