"""One section of a Darknet .cfg: typed access to its options, and no option goes unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from dev.models.errors import DarknetError

T = TypeVar('T')

# These steer training and change nothing in a forward pass.
TRAINING_ONLY = frozenset({
    'jitter', 'ignore_thresh', 'truth_thresh', 'random', 'stopbackward', 'learning_rate_scale',
})  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The `key=value` lines below one `[kind]` header.

    Attributes:
        kind: Text between the brackets.
        place: Where the section is, for error texts.
        values: Raw text of every option.
    """

    kind: str
    place: str
    values: dict[str, str]
    _read: set[str] = field(default_factory=set)

    def integer(self, key: str, default: int) -> int:
        """Whole number, or `default` where the option is absent."""
        return self._number(key, self._text(key, str(default)), int)

    def integers(self, key: str) -> tuple[int, ...]:
        """Whole numbers parted by commas; the option must be there."""
        return tuple(self._number(key, part, int) for part in self._parts(key))

    def floats(self, key: str) -> tuple[float, ...]:
        """Numbers parted by commas; the option must be there."""
        return tuple(self._number(key, part, float) for part in self._parts(key))

    def choice(self, key: str, default: str, allowed: Sequence[str]) -> str:
        """One of the `allowed` words."""
        text = self._text(key, default)
        if text not in allowed:
            raise DarknetError(
                f'{self.place}: {key}={text} is not supported; supported: {", ".join(allowed)}'
            )
        return text

    def refuse_unread(self) -> None:
        """Raise for an option nobody asked for: it would silently change the result."""
        unread = set(self.values) - self._read - TRAINING_ONLY
        if unread:
            raise DarknetError(
                f'{self.place}: option {", ".join(sorted(unread))} is not supported'
            )

    def _text(self, key: str, default: str) -> str:
        self._read.add(key)
        return self.values.get(key, default)

    def _parts(self, key: str) -> list[str]:
        text = self._text(key, '')
        if not text:
            raise DarknetError(f'{self.place}: option {key} is missing')
        return [part.strip() for part in text.split(',') if part.strip()]

    def _number(self, key: str, text: str, kind: Callable[[str], T]) -> T:
        try:
            return kind(text)
        except ValueError:
            expected = getattr(kind, '__name__', 'number')
            raise DarknetError(f'{self.place}: {key}: got {text!r}, expected {expected}') from None
