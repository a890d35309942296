"""Memory of a machine about the versions of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelState:
    """Memory of a machine about the versions of one model.

    Attributes:
        active: the version that the bare name means.
        previous: the version that was active before.
        quarantined: why a version may not be used, by version.
        committed: versions that have proven themselves on this machine.
        release_floor: the highest release counter among them.
    """

    active: int | None = None
    previous: int | None = None
    quarantined: Mapping[int, str] = field(default_factory=dict)
    committed: frozenset[int] = frozenset()
    release_floor: int = 0

    def activated(self, version: int) -> ModelState:
        """Returns the state in which the bare name means `version`."""
        if version == self.active:
            return self
        return replace(self, active=version, previous=self.active)

    def rolled_back(self) -> ModelState:
        """Returns the state with active and previous exchanged."""
        return replace(self, active=self.previous, previous=self.active)

    def proven(self, version: int, release: int) -> ModelState:
        """Returns the state after a version has proven itself: nothing older may follow it."""
        floor = max(self.release_floor, release)
        return replace(self, committed=self.committed | {version}, release_floor=floor)

    def with_quarantine(self, version: int, reason: str) -> ModelState:
        """Returns the state in which a version may not be used."""
        return replace(self, quarantined=MappingProxyType({**self.quarantined, version: reason}))

    def without_quarantine(self, version: int) -> ModelState:
        """Returns the state in which a version may be used again."""
        left = {v: reason for v, reason in self.quarantined.items() if v != version}
        return replace(self, quarantined=MappingProxyType(left))

    def document(self) -> dict[str, Any]:
        """Returns plain data."""
        return {
            'active': self.active,
            'previous': self.previous,
            'quarantined': {str(v): reason for v, reason in sorted(self.quarantined.items())},
            'committed': sorted(self.committed),
            'release_floor': self.release_floor,
        }

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> ModelState:
        """Reads plain data.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {
                'active': int() | None as active,
                'previous': int() | None as previous,
                'quarantined': dict(quarantined),
                'committed': [*committed],
                'release_floor': int(floor),
            } if all(isinstance(item, int) for item in committed):
                reasons = {int(version): str(text) for version, text in quarantined.items()}
                return ModelState(
                    active, previous, MappingProxyType(reasons), frozenset(committed), floor
                )
        raise ValueError('it is not the state of a model')
