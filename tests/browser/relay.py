"""A TCP relay between a browser and the server, to break their connection for real."""

from __future__ import annotations

import socket
import threading
import urllib.parse
from contextlib import suppress


class Relay:
    """A way to the server that can be cut: connections break and new ones are refused.

    Or it stalls: what is under way stays there, and nobody is told.
    """

    def __init__(self, address: str) -> None:
        there = urllib.parse.urlsplit(address)
        self._there = (there.hostname, there.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._stalled: set[socket.socket] = set()
        self._whole = True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole = False
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Carry nothing more on the connections there are."""
        self._stalled |= self._open

    def mend(self) -> None:
        """New connections go through; the old ones stay as they are."""
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._whole:
                    self._join(near, socket.create_connection(self._there))
                else:
                    near.close()

    def _join(self, near: socket.socket, far: socket.socket) -> None:
        self._open |= {near, far}
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if one in self._stalled:
                    continue
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        one.close()
        self._open.discard(one)
