"""Claims about a model: what a manifest key should be, and who says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Origin(Enum):
    """Origin of a value of a manifest, the most trustworthy first."""

    PERSON = 'command line'
    METADATA = 'embedded metadata'
    SIDECAR = 'sidecar file'
    SAMPLE = 'run on the sample'
    SHAPES = 'shapes'
    DEFAULT = 'default'


@dataclass(frozen=True, slots=True)
class Claim:
    """Value for one key of a manifest, with its origin.

    Attributes:
        key: the key, such as 'task', 'labels' (a tuple of names), 'license', 'description',
            'origin', 'size' (width and height of the picture [px]), 'encode.mean' of the
            picture's input, 'settings.decoder', 'settings.decoder_options.class_offset'.
        value: as the manifest has it; lists are tuples.
        origin: who says so.
        source: where exactly, such as "preprocessor_config.json: image_mean".
        sure: False for a guess, which a person has to confirm where it changes numbers.
    """

    key: str
    value: Any
    origin: Origin
    source: str
    sure: bool = True

    @property
    def said_by(self) -> str:
        """Origin and place in words, such as 'embedded metadata: names'."""
        place = self.source
        if self.origin is Origin.METADATA:
            place = re.sub(r'^metadata:? ', '', place)
        return f'{self.origin.value}{"" if self.sure else ", a guess"}: {place}'


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims about one model, one per key; of several the first one counts."""

    claims: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        first: dict[str, Claim] = {}
        for claim in self.claims:
            first.setdefault(claim.key, claim)
        object.__setattr__(self, 'claims', tuple(first.values()))

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def __bool__(self) -> bool:
        return bool(self.claims)

    def get(self, key: str) -> Claim | None:
        """Returns the claim for a key; None if nobody makes one."""
        return next((claim for claim in self.claims if claim.key == key), None)

    def value(self, key: str, default: Any = None) -> Any:
        """Returns the value for a key; `default` if nobody claims one."""
        claim = self.get(key)
        return default if claim is None else claim.value

    def below(self, prefix: str) -> dict[str, Any]:
        """Returns the values of the keys that begin with a prefix, by the rest of the key."""
        return {
            claim.key.removeprefix(prefix): claim.value
            for claim in self.claims
            if claim.key.startswith(prefix)
        }

    def then(self, others: Iterable[Claim]) -> Claims:
        """Returns these claims with others for the keys that these say nothing about."""
        return Claims((*self.claims, *others))
