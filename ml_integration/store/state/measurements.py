"""Numbers that this machine has measured of models, for the next time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ml_integration.store.state.artifacts import StoredArtifacts

KEPT = 128
"""Number of models and kinds of numbers that stay: the ones that were used last."""


def _nobody(sentence: str) -> None:
    """Is told that something will be measured again."""


class Measurements:
    """Numbers by the kind of measurement and what was measured. Thread-safe.

    They are never needed: whoever asks can measure again.

    Args:
        path: the folder that keeps them; None: they are forgotten with the process.
        tell: is called with a sentence when something kept cannot be used.
    """

    def __init__(self, path: Path | None = None, tell: Callable[[str], None] = _nobody) -> None:
        self._known: dict[str, Mapping[str, float]] = {}
        self._kept = None if path is None else StoredArtifacts(path, tell, KEPT)

    def get(self, kind: str, *of: str) -> Mapping[str, float]:
        """Returns the numbers by their names; empty if there are none."""
        key = _key(kind, of)
        if key not in self._known and self._kept is not None:
            with suppress(ValueError, TypeError, AttributeError):  # of another version
                kept = json.loads(self._kept.get(key) or b'{}')
                self._known[key] = {str(name): float(number) for name, number in kept.items()}
        return self._known.get(key, {})

    def put(self, kind: str, *of: str, numbers: Mapping[str, float]) -> None:
        """Remembers numbers; `write` keeps them on disk."""
        key = _key(kind, of)
        self._known[key] = dict(numbers)
        if self._kept is not None:
            self._kept.put(key, json.dumps(self._known[key]).encode())

    def write(self) -> None:
        """Writes what was put; returns after it was written, or could not be."""
        if self._kept is not None:
            self._kept.write()


def _key(kind: str, of: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps((kind, *of)).encode()).hexdigest()
