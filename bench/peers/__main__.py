"""``python -m bench.peers [NAME ...]``: install the peers (all of them), and say what they are."""

from __future__ import annotations

import sys

from bench.peers.catalogue import ENTRIES
from bench.peers.install import Missing, installed


def main(names: list[str]) -> int:
    """A line for each; 1 when one is missing."""
    found = [installed(name) for name in names or [entry.name for entry in ENTRIES]]
    for peer in found:
        print(f"{peer.name:<22}{peer.reason if isinstance(peer, Missing) else peer.version}")
    return int(any(isinstance(peer, Missing) for peer in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
