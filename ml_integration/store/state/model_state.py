"""Memory of a machine about the versions of one model.

What is known about content belongs to the content, the digest of its manifest, and not to the
version that is written on it: somebody may put other files under the same number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

SHORT = 12
"""Digits of a digest that people see."""
_DIGEST = re.compile(r'[0-9a-f]{64}')


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Content that may not be used.

    Attributes:
        version: the version that it was found under.
        digest: of its manifest; empty for any content of that version, as states say that were
            written before digests were kept.
        reason: why, in words.
        order: counter of the orders that revoked it, for every robot; 0 if that was decided
            here. Nobody here can end it.
    """

    version: int
    digest: str
    reason: str
    order: int = 0

    def covers(self, version: int, digest: str) -> bool:
        """Tells whether content is meant; an empty digest stands for what cannot be read."""
        if self.order:
            return self.digest == digest
        return self.version == version and self.digest in ('', digest)

    def __str__(self) -> str:
        return f'{self.digest[:SHORT] or "any content"}: {self.reason}'


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The newest orders of the fleet that this machine has obeyed.

    Those that a trusted key vouches for count as newer than all others, or whoever writes to a
    store could bar them with a high counter.

    Attributes:
        verified: whether a trusted key vouches for them.
        counter: of them; 0: there were none.
        sha256: of their content.
    """

    verified: bool = False
    counter: int = 0
    sha256: str = ''

    @property
    def rank(self) -> tuple[bool, int]:
        """What is higher the newer they are."""
        return self.verified, self.counter


@dataclass(frozen=True, slots=True)
class ModelState:
    """Memory of a machine about the versions of one model.

    Attributes:
        active: the version that the bare name means.
        previous: the version that was active before.
        quarantined: content that may not be used.
        committed: digests of the manifests that have proven themselves on this machine.
        committed_versions: versions that had, as states say that were written before digests
            were kept; each one goes when content of it proves itself again.
        released: digests of the content that a person has let out of quarantine.
        release_floor: the highest release counter among proven models that were signed.
        floor_known: False when the state that held the floor could not be understood.
        obeyed: the newest orders of the fleet.
    """

    active: int | None = None
    previous: int | None = None
    quarantined: tuple[Quarantine, ...] = ()
    committed: frozenset[str] = frozenset()
    committed_versions: frozenset[int] = frozenset()
    released: frozenset[str] = frozenset()
    release_floor: int = 0
    floor_known: bool = True
    obeyed: Obeyed = Obeyed()

    def activated(self, version: int, meant: int | None = None) -> ModelState:
        """Returns the state in which the bare name means `version`.

        Args:
            version: the one that becomes active.
            meant: what the bare name means as long as nobody has activated a version.
        """
        if version == self.active:
            return self
        before = meant if self.active is None and meant != version else self.active
        return replace(self, active=version, previous=before)

    def rolled_back(self) -> ModelState:
        """Returns the state with active and previous exchanged."""
        return replace(self, active=self.previous, previous=self.active)

    def proven(self, version: int, digest: str, signed_release: int) -> ModelState:
        """Returns the state after content has proven itself.

        Args:
            version: that it has.
            digest: of its manifest.
            signed_release: the release that a trusted key vouches for: nothing older may follow
                it. 0 if none does, or whoever writes a manifest could lock everybody else out.
        """
        return replace(
            self,
            committed=self.committed | {digest},
            committed_versions=self.committed_versions - {version},
            release_floor=max(self.release_floor, signed_release),
        )

    def has_proven(self, version: int, digest: str) -> bool:
        """Tells whether content has proven itself on this machine."""
        return digest in self.committed or version in self.committed_versions

    def with_floor(self, release: int) -> ModelState:
        """Returns the state in which no release below this one may be loaded."""
        return replace(self, release_floor=release, floor_known=True)

    def quarantine_of(self, version: int, digest: str) -> Quarantine | None:
        """Returns the quarantine of content; None if it may be used."""
        found = (item for item in self.quarantined if item.covers(version, digest))
        return next(found, None)

    def with_quarantine(self, version: int, digest: str, reason: str) -> ModelState:
        """Returns the state in which content may not be used; what is barred stays as it is."""
        if self.quarantine_of(version, digest):
            return self
        return replace(self, quarantined=(*self.quarantined, Quarantine(version, digest, reason)))

    def without_quarantine(self, version: int, digest: str) -> ModelState:
        """Returns the state in which content may be used again, because a person says so.

        What the fleet has revoked stays barred.
        """
        left = tuple(
            item for item in self.quarantined if item.order or not item.covers(version, digest)
        )
        return replace(self, quarantined=left, released=self.released | {digest})

    def obeying(self, obeyed: Obeyed, revoked: tuple[Quarantine, ...]) -> ModelState:
        """Returns the state after newer orders of the fleet.

        Args:
            obeyed: tells them.
            revoked: all that they revoke; what older ones revoked besides may be used again.
        """
        own = tuple(item for item in self.quarantined if not item.order)
        return replace(self, obeyed=obeyed, quarantined=(*revoked, *own))

    def revocation_of(self, digest: str) -> Quarantine | None:
        """Returns the quarantine of content that the fleet has revoked; None if it has not."""
        found = (item for item in self.quarantined if item.order and item.digest == digest)
        return next(found, None)

    def document(self) -> dict[str, Any]:
        """Returns plain data."""
        return {
            'active': self.active,
            'previous': self.previous,
            'quarantined': [
                {
                    'version': item.version,
                    'digest': item.digest,
                    'reason': item.reason,
                    **({'order': item.order} if item.order else {}),
                }
                for item in self.quarantined
            ],
            'committed': [*sorted(self.committed_versions), *sorted(self.committed)],
            'released': sorted(self.released),
            'release_floor': self.release_floor,
            'floor_known': self.floor_known,
            'obeyed': asdict(self.obeyed),
        }

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> ModelState:
        """Reads plain data, also as it was written before digests were kept.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {
                'active': int() | None as active,
                'previous': int() | None as previous,
                'quarantined': dict() | [*_] as quarantined,
                'committed': [*committed],
                'release_floor': int(floor),
            } if all(isinstance(item, int) or is_digest(item) for item in committed):
                return ModelState(
                    active,
                    previous,
                    _quarantined(quarantined),
                    frozenset(item for item in committed if isinstance(item, str)),
                    frozenset(item for item in committed if isinstance(item, int)),
                    frozenset(_digests(document.get('released', []))),
                    floor,
                    document.get('floor_known', True) is True,
                    _obeyed(document.get('obeyed', asdict(Obeyed()))),
                )
        raise ValueError('it is not the state of a model')


def is_digest(value: object) -> bool:
    """Tells whether a value is the digest of a manifest."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _quarantined(value: dict[str, Any] | list[Any]) -> tuple[Quarantine, ...]:
    if isinstance(value, dict):  # by version, as it was before digests were kept
        return tuple(Quarantine(int(version), '', str(text)) for version, text in value.items())
    return tuple(_quarantine(item) for item in value)


def _quarantine(value: object) -> Quarantine:
    match value:
        case {'version': int(version), 'digest': str(digest), 'reason': str(reason), **more}:
            order = more.get('order', 0)
            if isinstance(order, int) and order >= 0:
                return Quarantine(version, digest, reason, order)
    raise ValueError('it is not the state of a model')


def _obeyed(value: object) -> Obeyed:
    match value:
        case {'verified': bool(verified), 'counter': int(counter), 'sha256': str(sha256)}:
            return Obeyed(verified, counter, sha256)
    raise ValueError('it is not the state of a model')


def _digests(value: object) -> list[str]:
    match value:
        case [*digests] if all(map(is_digest, digests)):
            return [str(digest) for digest in digests]
    raise ValueError('it is not the state of a model')
