"""Which model an inference node starts with when it is configured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class WantedModel:
    """Model to start with; it outlives cleanup, as the parameter shows what runs and not this.

    Attributes:
        asked: the parameter `model` at the start of the process.
        chosen: what a person chose since then; empty for nothing.
    """

    asked: str
    chosen: str = ''
