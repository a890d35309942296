"""Decides whether a model may be loaded: quickly, as far as possible, and then completely."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import IntegrityError, MlIntegrationError, SwapError
from ml_integration.store.orders.order_book import OrderBook
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import (
    ModelPackage,
    digest_of,
    inspect_package,
    open_package,
    read_manifest,
)
from ml_integration.store.package.second_look import Look, look_at
from ml_integration.store.state.model_state import SHORT, ModelState, Quarantine
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.node_state import Edition
from ml_integration.store.trust.policy import Trust, check_release

AT_ONCE_BYTES = 8 * 1024 * 1024
"""Largest package that is hashed at once: frames wait 10 ms for it, a second for a large one."""


def _has_room(manifest: Manifest) -> None:
    """Says that there is room for every model."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Model that has passed the checks made so far.

    Attributes:
        model: `name@version`.
        package: its verified content; None if it has still to be read and verified.
        manifest: what it says of itself; None if nothing was checked yet.
    """

    model: str
    package: ModelPackage | None
    manifest: Manifest | None = None


class Admission:
    """Checks models before they are loaded.

    Args:
        store: where they are found.
        trust: what a package has to show.
        state_of: gives the stored state of a model on this machine, by its name.
        orders: of the fleet, which are obeyed before anything else; None for none.
    """

    def __init__(
        self,
        store: ModelStore,
        trust: Trust,
        state_of: Callable[[str], ModelState],
        orders: OrderBook | None = None,
    ) -> None:
        self._store = store
        self._trust = trust
        self._state_of = state_of
        self._orders = orders

    def admit(self, reference: str, serving: Manifest) -> Candidate:
        """Checks a model quickly: completely, or all but the content of its files if they are big.

        Raises:
            MlIntegrationError: the model may not be loaded in the place of the serving one.
        """
        self._heed(reference)
        folder = inspect_package(self._store.find(reference), self._trust)
        manifest = folder.manifest
        self._check(folder.directory, manifest, serving)
        package = None
        if sum(pin.size for pin in manifest.files.values()) <= AT_ONCE_BYTES:
            package = folder.read()  # by the manifest that was checked
        return Candidate(str(manifest.identity), package, manifest)

    def verify(
        self,
        reference: str,
        serving: Manifest | None,
        make_room: Callable[[Manifest], None] = _has_room,
    ) -> ModelPackage:
        """Reads a model and checks everything that can be checked without loading it.

        Args:
            reference: finds the model.
            serving: what it is to replace; None for nothing.
            make_room: is called with its manifest before its files are read; what it raises
                passes.

        Raises:
            MlIntegrationError: it may not be loaded, or not in the place of the serving one.
        """
        self._heed(reference)
        folder = open_package(self._store.find(reference), self._trust)
        make_room(folder.manifest)
        package = folder.read()
        self._check(package.directory, package.manifest, serving)
        return package

    def verify_edition(
        self,
        edition: Edition,
        serving: Manifest | None,
        make_room: Callable[[Manifest], None] = _has_room,
    ) -> ModelPackage:
        """Does the same for a model that has served, whose content must be the same.

        Raises:
            MlIntegrationError: it may not be loaded, or its version has other content now.
        """
        package = self.verify(edition.model, serving, make_room)
        found = Edition.of(package.manifest)
        if not found.matches(edition):
            raise IntegrityError(
                package.directory,
                f'{edition} has other content than when it served',
                got=f'a manifest of sha256 {found.digest[:SHORT]}',
                expected=edition.digest[:SHORT],
            )
        return package

    def meant(self, reference: str) -> Edition:
        """Returns what a reference stands for now, usable or not.

        A bare name stands for the active version, or the newest one, also where that is missing
        or quarantined: whoever loads it then says so. Without a digest where that is unreadable.
        """
        self._heed(reference)
        versions = self._store.versions(reference)
        active = self._state_of(reference).active if versions else None
        if versions:
            reference = f'{reference}@{active or versions[-1]}'
        try:
            directory = self._store.find(reference)
        except MlIntegrationError:
            return Edition(reference)
        try:
            return Edition.of(read_manifest(directory))
        except MlIntegrationError:
            return Edition(f'{directory.parent.name}@{directory.name}')

    def proven(self, name: str) -> tuple[Edition, ...]:
        """Returns what has proven itself on this machine of a model, the newest version first."""
        self._heed(name)
        folders = self._store.folders(name)
        state, found = self._state_of(name) if folders else ModelState(), []
        for version, folder in sorted(folders.items(), reverse=True):
            digest = digest_of(folder)
            usable = digest and not state.quarantine_of(version, digest)
            if usable and state.has_proven(version, digest):
                found.append(Edition(f'{name}@{version}', digest))
        return tuple(found)

    def digest(self, reference: str) -> str:
        """Returns the manifest digest of what a reference finds now.

        Raises:
            MlIntegrationError: there is no such model, or its manifest cannot be read.
        """
        return read_manifest(self._store.find(reference)).digest

    @property
    def is_open(self) -> bool:
        """True where nothing has to be shown."""
        return self._trust.policy == 'off'

    def quarantine_sentence(self, package: ModelPackage, quarantine: Quarantine) -> str:
        """Returns the sentence on a quarantine of a package's model, and on how it ends."""
        return str(self._store.barred(package.directory, package.manifest.name, quarantine))

    def look_again(self, package: ModelPackage, ended: Callable[[], bool]) -> Look:
        """Looks at the files of a package that was loaded; see `look_at`."""
        return look_at(package.directory, package.manifest, self._trust, ended)

    def refuse_revoked(self, packages: Iterable[ModelPackage]) -> None:
        """Checks that the fleet has revoked none of these, which may be open already.

        Raises:
            IntegrityError: it has.
        """
        for package in packages:
            self._heed(package.manifest.name)
            self._refuse_revoked(package.directory, package.manifest)

    def _heed(self, reference: str) -> None:
        """Obeys the newest orders about a model before they could be broken."""
        if self._orders is not None:
            self._orders.look(reference.partition('@')[0])

    def _refuse_revoked(self, directory: Path, manifest: Manifest) -> None:
        if self._orders is None:
            return
        revocation = self._orders.revocation(manifest.name, manifest.digest)
        if revocation is not None:
            raise self._store.barred(directory, manifest.name, revocation)

    def _check(self, directory: Path, manifest: Manifest, serving: Manifest | None) -> None:
        self._refuse_revoked(directory, manifest)
        self._store.refuse_quarantined(directory, manifest)
        check_release(manifest, self._state_of(manifest.name), self._trust)
        if serving is not None:
            check_replaceable(serving, manifest)


def check_replaceable(serving: Manifest, new: Manifest) -> None:
    """Checks that two models share topics and message types, which are fixed while a node runs.

    Raises:
        SwapError: they have different tasks or are fed by different sensors.
    """
    if _contract(new) != _contract(serving):
        raise _irreplaceable(serving.identity, new.identity, _needs(serving), _needs(new))


def check_same_results(serving: Pipeline, new: Pipeline) -> None:
    """Checks that two models of one task publish on the same topics.

    Their settings may say otherwise: depth in meters has another topic than depth without a unit.

    Raises:
        SwapError: they do not.
    """
    if set(new.topics) != set(serving.topics):
        identities = serving.model.identity, new.model.identity
        raise _irreplaceable(*identities, _results(serving), _results(new))


def _irreplaceable(
    serving: ModelIdentity, new: ModelIdentity, expected: str, got: str
) -> SwapError:
    return SwapError(
        f'{new} cannot take the place of {serving}',
        got=got,
        expected=expected,
        hint=f'Start another inference_node with -p model:={new} for it.',
    )


def _results(pipeline: Pipeline) -> str:
    return 'results on ' + ', '.join(f"'{topic.name}'" for topic in pipeline.topics)


def _contract(manifest: Manifest) -> tuple[object, ...]:
    return manifest.task, _feeds(manifest), manifest.trigger.rate_hz


def _feeds(manifest: Manifest) -> tuple[tuple[str, str, bool], ...]:
    """Returns kind and topic of each input, and whether it triggers, sorted."""
    trigger = manifest.trigger.tensor
    return tuple(
        sorted((item.kind, item.topic, item.tensor == trigger) for item in manifest.sensor_inputs)
    )


def _needs(manifest: Manifest) -> str:
    feeds = ', '.join(f"{kind} on '{topic}'" for kind, topic, _ in _feeds(manifest))
    rate_hz = manifest.trigger.rate_hz
    triggers = [topic for _, topic, is_trigger in _feeds(manifest) if is_trigger]
    when = f' at {rate_hz:g} Hz' if rate_hz else f" whenever '{triggers[0]}' comes"
    return f'{manifest.task} of {feeds}' + (when if rate_hz or len(_feeds(manifest)) > 1 else '')
