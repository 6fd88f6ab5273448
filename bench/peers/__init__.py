"""The servers that the benchmark compares itself with, each as its own users would write it.

All are room relays: a client connects to ``/room/NAME``, and each message goes unchanged to all in
that room, the sender included. A server takes ``--port``, listens on 127.0.0.1 with one process,
prints ``ready`` and ends on SIGTERM. What they need is installed under ``.bench``, never into the
environment of the server that is measured.
"""
