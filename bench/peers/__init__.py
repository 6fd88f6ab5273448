"""The servers that the benchmark compares itself with, each as its own users would write it.

All are raw relays: a client connects to ``/?room=NAME&user=NAME``, and each message goes unchanged
to all in that room, the sender included. Nothing is compressed, and nothing is stored unless the
list says so. (Socket.IO has its own framing: there a message is an event ``m``.)

A server takes ``--port``, listens on 127.0.0.1 with one process, prints ``ready`` and ends on
SIGTERM. What it needs is installed under ``.bench/peers``, never into the environment of the server
that is measured.
"""
