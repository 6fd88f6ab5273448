"""``madang bench``: measure a server. The bench itself comes with the sources only."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec

from server.failure import CannotRun


def add_arguments(parser: ArgumentParser) -> None:
    """The bench's own."""
    if find_spec("bench") is not None:
        importlib.import_module("bench.arguments").add_arguments(parser)


def run(arguments: Namespace) -> int:
    """Its exit code."""
    if find_spec("bench") is None:
        raise CannotRun("the bench is not installed: it comes with the source repository")
    return int(importlib.import_module("bench.commands").run(arguments))
