"""A log that remembers what it was told."""

from __future__ import annotations


class RememberingLog:
    def __init__(self) -> None:
        self.events: list[str] = []

    def info(self, event: str, **values: object) -> None:
        self.events.append(event)

    def warning(self, event: str, **values: object) -> None:
        self.events.append(event)

    def error(self, event: str, **values: object) -> None:
        self.events.append(event)
