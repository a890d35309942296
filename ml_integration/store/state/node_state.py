"""Memory of a node over restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ml_integration.store.package.manifest import Manifest

LONGEST = 16
"""Number of models that a node remembers."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One content of one version of a model.

    Attributes:
        model: `name@version`; empty: no model.
        digest: of its manifest; empty where it is not known.
    """

    model: str = ''
    digest: str = ''

    @staticmethod
    def of(manifest: Manifest) -> Edition:
        """Returns the edition that a manifest describes."""
        return Edition(str(manifest.identity), manifest.digest)

    @staticmethod
    def from_document(document: object) -> Edition:
        """Reads plain data.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {'model': str(model), 'digest': str(digest)}:
                return Edition(model, digest)
        raise _OTHER

    @property
    def name(self) -> str:
        """Name of the model, without the version."""
        return self.model.partition('@')[0]

    def matches(self, other: Edition) -> bool:
        """Tells whether both are the same content; a digest that is not known may be any."""
        unknown = not self.digest or not other.digest
        return self.model == other.model and (unknown or self.digest == other.digest)

    def __bool__(self) -> bool:
        return bool(self.model)

    def __str__(self) -> str:
        return self.model


NONE = Edition()


@dataclass(frozen=True, slots=True)
class ServedModel:
    """Model that was put into service.

    Attributes:
        edition: which one.
        good_frames: the good results that it gave; 1 as long as nobody has counted on.
        proven: whether it has proven itself since it was last rejected.
    """

    edition: Edition
    good_frames: int = 0
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """Model that is not started until a person asks for it.

    Attributes:
        edition: which one.
        reason: why, in words.
        instead: the model that a person went back to; none after a crash loop.
    """

    edition: Edition
    reason: str = 'it was given up or rolled back'
    instead: Edition = NONE

    @staticmethod
    def from_document(document: object) -> Rejection:
        """Reads plain data.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {'edition': edition, 'reason': str(reason), 'instead': instead}:
                edition, instead = map(Edition.from_document, (edition, instead))
                return Rejection(edition, reason, instead)
        raise _OTHER


@dataclass(frozen=True, slots=True)
class NodeState:
    """Memory of a node over restarts.

    Attributes:
        asked: the parameter `model` at the last start of the process; empty: not known.
        meant: what it stood for.
        served: models that were put into service, each once; the first one serves, or was being
            put into service.
        attempts: starts on the first one since it was put into service, while it is not proven.
        chosen: whether a person chose the first one while the node was running.
        stands: the model that a person chose last and that proved itself, or that a person went
            back to: it goes on after a restart with the same parameter. None: what the parameter
            stands for.
        rejected: models that did not prove themselves or were rolled back.
        plans: keys of the fleet's plans that this node has followed, the last one first.
    """

    asked: str = ''
    meant: Edition = NONE
    served: tuple[ServedModel, ...] = ()
    attempts: int = 0
    chosen: bool = False
    stands: Edition = NONE
    rejected: tuple[Rejection, ...] = ()
    plans: tuple[str, ...] = ()

    @property
    def edition(self) -> Edition:
        """Edition that serves, or that was being put into service; NONE before the first one."""
        return self.served[0].edition if self.served else NONE

    @property
    def serving(self) -> str:
        """Model that serves as `name@version`; empty before the first one."""
        return self.edition.model

    @property
    def committed(self) -> bool:
        """Whether the serving model has proven itself."""
        return bool(self.served) and self.served[0].proven

    @property
    def ways_back(self) -> tuple[ServedModel, ...]:
        """Other models that served good frames and were not rejected, the last one first."""
        return tuple(
            item
            for item in self.served[1:]
            if (item.proven or item.good_frames) and not self.rejection_of(item.edition)
        )

    @property
    def previous(self) -> str:
        """Model that a rollback returns to as `name@version`; empty if there is none."""
        return self.ways_back[0].edition.model if self.ways_back else ''

    @property
    def needed(self) -> tuple[Edition, ...]:
        """Other models than the serving one that a rollback or a start may have to load."""
        proven = [item.edition for item in self.served[1:] if item.proven]
        good = [item for item in proven if item.name == self.edition.name]
        back = [item.edition for item in self.ways_back]
        needed = (*back[:1], *good[:1], self.stands)
        return tuple(item for item in dict.fromkeys(needed) if item and item != self.edition)

    def find(self, edition: Edition) -> ServedModel:
        """Returns what is known about an edition."""
        found = (item for item in self.served if item.edition.matches(edition))
        return next(found, ServedModel(edition))

    def rejection_of(self, edition: Edition) -> Rejection | None:
        """Returns why an edition is not started; None if it may be."""
        return next((item for item in self.rejected if item.edition.matches(edition)), None)

    def with_plan(self, key: str) -> NodeState:
        """Returns the state after the node has followed a plan, which it does once."""
        others = tuple(item for item in self.plans if item != key)
        return replace(self, plans=(key, *others)[:LONGEST])

    def without_rejection(self, edition: Edition) -> NodeState:
        """Returns the state in which an edition may be tried again.

        When the parameter stands for it, the next start uses it, as if nobody had gone back to
        another one.
        """
        lifted = [item for item in self.rejected if item.edition.matches(edition)]
        if not lifted:
            return self
        left = tuple(item for item in self.rejected if item not in lifted)
        went_back = any(item.instead and item.instead == self.stands for item in lifted)
        wanted = went_back and edition.model == self.meant.model
        return replace(self, rejected=left, stands=NONE if wanted else self.stands)

    def document(self) -> dict[str, Any]:
        """Returns plain data; `serving` and `committed` are there for people."""
        return {'serving': self.serving, 'committed': self.committed, **asdict(self)}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> NodeState:
        """Reads plain data, also as it was written before models had digests.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {
                'asked': str(asked),
                'meant': dict(meant),
                'served': [*served],
                'attempts': int(attempts),
                'chosen': bool(chosen),
                'stands': dict(stands),
                'rejected': [*rejected],
            } if attempts >= 0:
                return NodeState(
                    asked,
                    Edition.from_document(meant),
                    tuple(map(_served, served)),
                    attempts,
                    chosen,
                    Edition.from_document(stands),
                    tuple(map(Rejection.from_document, rejected)),
                    _plans(document.get('plans', [])),
                )
            case {'serving': str(), 'previous': str()} if 'served' not in document:
                return _older(document)
        raise _OTHER


_OTHER = ValueError('it is not the state of a node')


def _older(document: Mapping[str, Any]) -> NodeState:
    """Reads a state in which models are `name@version`."""
    match document:
        case {
            'serving': str(serving),
            'committed': bool(committed),
            'attempts': int(attempts),
            'previous': str(previous),
            'rejected': [*rejected],
        } if attempts >= 0 and all(isinstance(item, str) for item in rejected):
            both = (
                ServedModel(Edition(serving), proven=committed),
                ServedModel(Edition(previous), proven=True),
            )
            return NodeState(
                served=tuple(item for item in both if item.edition),
                attempts=attempts,
                rejected=tuple(Rejection(Edition(item)) for item in rejected),
            )
    raise _OTHER


def _plans(document: object) -> tuple[str, ...]:
    match document:
        case [*plans] if all(isinstance(item, str) for item in plans):
            return tuple(map(str, plans))
    raise _OTHER


def _served(document: object) -> ServedModel:
    match document:
        case {'edition': edition, 'good_frames': int(frames), 'proven': bool(proven)}:
            return ServedModel(Edition.from_document(edition), frames, proven)
    raise _OTHER
