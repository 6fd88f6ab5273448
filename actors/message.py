"""The ``@message`` decorator: frozen to the type checker, merely slotted at run time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def message(cls: type[T]) -> type[T]:
    """Turn *cls* into a slotted dataclass that mypy treats as immutable.

    A truly frozen dataclass costs four times as much to build (450 against 110 ns).
    """
    return dataclass(slots=True)(cls)
