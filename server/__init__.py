"""The edges, the adapters and the one composition root."""

from typing import Final

VERSION: Final = "0.1.0"
