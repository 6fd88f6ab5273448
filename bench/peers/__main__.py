"""``python -m bench.peers list``, or ``install [NAME ...]``: what there is, and its state."""

from __future__ import annotations

import argparse
import sys

from bench.peers.catalogue import ENTRIES, Entry
from bench.peers.install import Missing, installed


def main() -> int:
    """A line for each peer; 1 when one that was to be installed is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what there is, and what of it is installed")
    install = commands.add_parser("install", help="install the peers named, or all of them")
    known = [entry.name for entry in ENTRIES]
    install.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    given = parser.parse_args()
    names = getattr(given, "names", None) or known
    if unknown := set(names) - set(known):
        parser.error(f"no peer {', '.join(sorted(unknown))}")
    download = given.command == "install"
    states = [_say(entry, download=download) for entry in ENTRIES if entry.name in names]
    return int(download and not all(states))


def _say(entry: Entry, *, download: bool) -> bool:
    """Print the line of one peer, and whether it can be run."""
    found = installed(entry.name, download=download)
    state = found.reason if isinstance(found, Missing) else found.version
    needs = f"needs {' and '.join(sorted(entry.needs))}" if entry.needs else ""
    stores = f"stores {entry.stores}" if entry.stores != "nothing" else ""
    about = "; ".join(part for part in (entry.title, entry.dialect, needs, stores, state) if part)
    print(f"{entry.name:<22}{about}", flush=True)
    return not isinstance(found, Missing)


if __name__ == "__main__":
    sys.exit(main())
