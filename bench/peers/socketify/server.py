"""A room relay on socketify: a room is a topic, and a publish reaches the sender too."""

from __future__ import annotations

import argparse
from typing import Any

from socketify import App, AppListenOptions, CompressOptions  # type: ignore[import-untyped]


def upgrade(res: Any, req: Any, socket_context: Any) -> None:
    """Keep the room's name with the socket."""
    res.upgrade(
        req.get_header("sec-websocket-key"),
        req.get_header("sec-websocket-protocol"),
        req.get_header("sec-websocket-extensions"),
        socket_context,
        req.get_query("room"),
    )


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    app = App()
    app.ws(
        "/",
        {
            "compression": CompressOptions.DISABLED,
            "max_payload_length": 1024 * 1024,  # by default 16 KiB, less than all others take
            # By default a reader 64 KiB behind silently misses messages; no other peer drops any.
            "max_backpressure": 16 * 1024 * 1024,
            "upgrade": upgrade,
            "open": lambda ws: ws.subscribe(ws.get_user_data()),
            "message": lambda ws, message, opcode: app.publish(ws.get_user_data(), message, opcode),
        },
    )
    listening = lambda _: print("ready", flush=True)  # noqa: E731
    app.listen(AppListenOptions(port=port, host="127.0.0.1"), listening)
    app.run()


if __name__ == "__main__":
    main()
