"""Finds models in stores: folders of `<name>/<version>/`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_integration.errors import (
    IntegrityError,
    MlIntegrationError,
    ModelNotFoundError,
    SettingError,
)
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import digest_of, read_manifest
from ml_integration.store.state.model_state import SHORT, ModelState, Quarantine
from ml_integration.store.state.state_dir import StateDir

_REFERENCE = re.compile(
    r'(?P<name>[a-z0-9][a-z0-9_.-]*)(@(?P<version>[1-9][0-9]{0,8}|latest|previous))?'
)
NAME_RULE = (
    "A model's name has lower-case letters, digits, '_', '-' and '.', and begins with a letter or "
    'digit.'
)
_VERSION = re.compile(r'[1-9][0-9]{0,8}')


def check_name(name: str) -> str:
    """Returns a model's name as it is.

    Raises:
        SettingError: it is none.
    """
    match = _REFERENCE.fullmatch(name)
    if match is None or match['name'] != name:
        expected = "a model's name without a version: a-z, 0-9, '_', '.' and '-'"
        raise SettingError('name', name, expected, where='model')
    return name


def is_name(text: str) -> bool:
    """Tells whether a model can have this name."""
    match = _REFERENCE.fullmatch(text)
    return match is not None and match['name'] == text


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A version of a model in a store, as its folder names say.

    Attributes:
        manifest: None when it cannot be read.
        error: the sentence that says why it cannot.
    """

    name: str
    version: int
    directory: Path
    manifest: Manifest | None
    error: str = ''

    def __str__(self) -> str:
        return f'{self.name}@{self.version}'


class ModelStore:
    """Several stores as one; where two hold the same version, the first one wins.

    Args:
        stores: folders of `<name>/<version>/`; they are only read.
        state: knows which versions are active, previous and quarantined, if there is one.
    """

    def __init__(self, stores: Sequence[Path], state: StateDir | None = None) -> None:
        self.stores = tuple(stores)
        self._state = state

    def find(self, reference: str) -> Path:
        """Finds the folder of a model.

        Args:
            reference: `name@3`; `name@latest` for the highest version that is not quarantined;
                `name@previous` for the version that was active before; `name` for the active
                version, if it cannot be used for the previous one, and else for the latest.

        Raises:
            SettingError: the reference is none of these.
            ModelNotFoundError: no store holds it.
            IntegrityError: it is quarantined.
        """
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            expected = 'name, name@3, name@latest or name@previous'
            raise SettingError('model', reference, expected, where='model', hint=NAME_RULE)
        name, version = match['name'], match['version']
        folders = self.folders(name)
        state = self._state.model_state(name) if self._state else ModelState()
        choice = _choose(version, folders, state)
        if choice in folders:
            self._refuse(folders[choice], name, quarantine_in(folders[choice], choice, state))
            return folders[choice]
        available = [f'{n}@{v}' for n in self._names() for v in self.versions(n)]
        raise ModelNotFoundError(reference, self.stores, available)

    def versions(self, name: str) -> tuple[int, ...]:
        """Returns the versions of a model, ascending; empty if there is no such model."""
        return tuple(sorted(self.folders(name)))

    def models(self) -> tuple[StoredModel, ...]:
        """Lists everything the stores hold, by name and version, also what cannot be read."""
        return tuple(
            _stored(name, version, directory)
            for name in self._names()
            for version, directory in sorted(self.folders(name).items())
        )

    def misnamed(self) -> tuple[Path, ...]:
        """Lists the folders that hold versions, but have a name that no model can have."""
        folders = (folder for store in self.stores for folder in _subfolders(store))
        return tuple(
            sorted(
                folder
                for folder in folders
                if folder.name[0] != '.'
                and not _REFERENCE.fullmatch(folder.name)
                and any(_VERSION.fullmatch(inner.name) for inner in _subfolders(folder))
            )
        )

    def refuse_quarantined(self, directory: Path, manifest: Manifest) -> None:
        """Checks that content which was read may be used.

        Raises:
            IntegrityError: it is quarantined.
        """
        name, version = manifest.name, manifest.version
        state = self._state.model_state(name) if self._state else ModelState()
        self._refuse(directory, name, state.quarantine_of(version, manifest.digest))

    def barred(self, directory: Path, name: str, quarantine: Quarantine) -> IntegrityError:
        """Makes the error that says what is quarantined, why, and how that ends.

        Args:
            directory: of a version of this model.
            name: the model's.
            quarantine: of one of its versions.
        """
        model, folder = f'{name}@{quarantine.version}', directory.parent / str(quarantine.version)
        state_dir = self._state.path if self._state else None
        hint = how_it_ends(model, quarantine, folder.parents[1], state_dir)
        return IntegrityError(folder, f'{model} is quarantined, {quarantine}', hint=hint)

    def _refuse(self, directory: Path, name: str, quarantine: Quarantine | None) -> None:
        if quarantine is not None:
            raise self.barred(directory, name, quarantine)

    def _names(self) -> list[str]:
        folders = (folder for store in self.stores for folder in _subfolders(store))
        return sorted({folder.name for folder in folders if _REFERENCE.fullmatch(folder.name)})

    def folders(self, name: str) -> dict[int, Path]:
        """Returns the folders of a model by version; empty if there is no such model."""
        found: dict[int, Path] = {}
        for store in self.stores:
            for folder in _subfolders(store / name):
                if _VERSION.fullmatch(folder.name):
                    found.setdefault(int(folder.name), folder)
        return found


def how_it_ends(model: str, quarantine: Quarantine, store: Path, state_dir: Path | None) -> str:
    """Returns the sentence that says how a quarantine ends, whoever decided it.

    Args:
        model: `name@version`.
        quarantine: of its content.
        store: that holds it.
        state_dir: that remembers the quarantine; None for the default one.
    """
    if not quarantine.order:
        return how_to_lift(model, quarantine.digest, store, state_dir)
    return (
        'That holds for every robot, and nobody can end it here: use another version. Only newer '
        f'orders of the fleet end it: ml_model fleet reinstate {model} --key PRIVATE_KEY.pem.'
    )


def how_to_lift(model: str, digest: str, store: Path, state_dir: Path | None) -> str:
    """Returns the sentence that says how a quarantine ends, as it is typed.

    Args:
        model: `name@version`.
        digest: of what is quarantined; empty if that is any content.
        store: that holds it.
        state_dir: that remembers the quarantine; None for the default one.
    """
    where, state = shlex.quote(str(store)), ''
    if state_dir is not None:
        state = f' --state-dir {shlex.quote(str(state_dir))}'
    which = f' --digest {digest[:SHORT]}' if digest else ''
    return (
        'Install the same content again from a source you trust: '
        f'ml_model install SRC --into {where}{state}. Or look at it and let it go: '
        f'ml_model release {model}{which} --store {where}{state}.'
    )


def _choose(version: str | None, folders: Mapping[int, Path], state: ModelState) -> int:
    """Returns the version that a reference means; 0 if there is none."""
    if version == 'previous':
        return state.previous or 0
    if version is not None and version != 'latest':
        return int(version)
    good = [
        number
        for number, folder in folders.items()
        if quarantine_in(folder, number, state) is None
    ]
    chosen = (state.active, state.previous) if version is None else ()
    usable = (number for number in chosen if number is not None and number in good)
    return next(usable, max(good or folders, default=0))


def quarantine_in(directory: Path, version: int, state: ModelState) -> Quarantine | None:
    """Returns the quarantine of what lies in a version's folder now; None if it may be used."""
    if not any(item.order or item.version == version for item in state.quarantined):
        return None  # hardly anything ever is: nothing has to be read
    return state.quarantine_of(version, digest_of(directory))


def _subfolders(folder: Path) -> Iterator[Path]:
    """Returns the folders in a folder; none if it is missing or may not be read."""
    try:
        yield from (entry for entry in folder.iterdir() if entry.is_dir())
    except OSError:
        return


def _stored(name: str, version: int, directory: Path) -> StoredModel:
    try:
        return StoredModel(name, version, directory, read_manifest(directory))
    except MlIntegrationError as error:
        return StoredModel(name, version, directory, None, str(error))
    except Exception as error:  # an odd folder harms only itself, also one nobody thought of
        return StoredModel(name, version, directory, None, f'{directory}: {error!r}')
