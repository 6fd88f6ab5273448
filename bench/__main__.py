"""``python -m bench``: the same as ``madang bench``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from bench.arguments import add_arguments
from bench.commands import run

INTERRUPTED = 130


def main() -> int:
    """Its exit code."""
    parser = ArgumentParser(prog="python -m bench")
    add_arguments(parser)
    try:
        return run(parser.parse_args())
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
