"""Puts models into a store and takes them out: a reader sees a whole version or none."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml_integration.errors import InstallError, MlIntegrationError
from ml_integration.store.files import read_file
from ml_integration.store.install.copying import Progress, copy
from ml_integration.store.install.source_file import SourceLimits
from ml_integration.store.install.sources import open_source
from ml_integration.store.install.staging import staging, sync_tree
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, Manifest
from ml_integration.store.package.package import ModelPackage, read_manifest, read_package
from ml_integration.store.package.pinned_files import read_pinned
from ml_integration.store.package.plain_yaml import LARGEST
from ml_integration.store.state.durable import cannot, make_folder, sync_folder
from ml_integration.store.state.places import ships_with_package
from ml_integration.store.trust.policy import DIGEST, Trust

_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


@dataclass(frozen=True, slots=True)
class Installed:
    """Result of an installation.

    Attributes:
        directory: the version's folder in the store.
        manifest: the version's own.
        verified_by: what vouches for it, as of `ModelPackage`.
        is_new: False when this very version was there already.
    """

    directory: Path
    manifest: Manifest
    verified_by: str
    is_new: bool


def install(
    source: Path,
    store: Path,
    trust: Trust = DIGEST,
    *,
    manifest: Path | None = None,
    progress: Progress = lambda done, total: None,
    limits: SourceLimits | None = None,
    replaceable: Callable[[Path], bool] = lambda directory: False,
) -> Installed:
    """Installs a version of a model.

    It is copied beside the models, verified there, and appears in the store at once. Whatever
    fails or gets killed, the store is as it was before. A version that is there with the same
    manifest but damaged files, which nobody can load, is replaced.

    Args:
        source: a folder, a .tar, .tar.gz, .tgz, .zip, or an .onnx with its manifest.
        store: it is made if it is missing.
        trust: what the package has to show.
        manifest: the manifest of an ONNX file; by default the one beside it.
        progress: is called as the copy goes on.
        limits: how much is acceptable.
        replaceable: tells whether what is there already, with another content, may be replaced.

    Raises:
        InstallError: the source is not safe, the package is wrong or does not show what it has
            to, or this version is there with another content.
        ManifestError: there is no manifest, or it is wrong.
        StateError: the store cannot be written.
    """
    with staging(store) as folder:
        files = open_source(source, manifest, limits or SourceLimits())
        copy(files, folder / 'all', progress)
        root = _package_root(folder / 'all', source)
        staged = folder / 'package'  # so that the folder's name is not taken for a version
        root.rename(staged)
        package = _verified(staged, trust, source)
        identity = package.manifest.identity
        directory = store / identity.name / str(identity.version)
        is_new = _publish(staged, directory, folder / 'replaced', replaceable)
        return Installed(directory, package.manifest, package.verified_by, is_new)


def remove(directory: Path) -> None:
    """Takes a version out of its store; it disappears at once.

    Args:
        directory: `<store>/<name>/<version>`.

    Raises:
        InstallError: it came with the package.
        StateError: the store cannot be written.
    """
    if ships_with_package(directory):
        raise InstallError(directory, 'it came with the package and is never removed')
    name = directory.parent  # it stays, as somebody may be installing into it
    with staging(name.parent) as folder:
        try:
            directory.rename(folder / 'removed')
            sync_folder(name)
        except OSError as error:
            raise cannot('be removed', directory, error) from error


def _package_root(folder: Path, source: Path) -> Path:
    manifests = sorted(folder.rglob(MANIFEST))
    if len(manifests) != 1:
        what = f'it holds {len(manifests)} files {MANIFEST}, and may hold one'
        raise InstallError(source, what if manifests else f'there is no {MANIFEST} in it')
    root = manifests[0].parent
    beside = [path for path in folder.rglob('*') if path.is_file() and root not in path.parents]
    if beside:
        names = ', '.join(sorted(path.relative_to(folder).as_posix() for path in beside))
        raise InstallError(source, f'it holds files beside the package: {names}')
    return root


def _verified(staged: Path, trust: Trust, source: Path) -> ModelPackage:
    try:
        return read_package(staged, trust)
    except MlIntegrationError as error:  # speaks of a folder that will be gone
        what = str(error).removeprefix(f'{staged}/').removeprefix(f'{staged}: ')
        named = str(source) if source.is_dir() else 'FOLDER'  # as an archive cannot be changed
        raise InstallError(source, what.replace(str(staged), named)) from error


def _publish(
    staged: Path, directory: Path, aside: Path, replaceable: Callable[[Path], bool]
) -> bool:
    try:
        sync_tree(staged)
        make_folder(directory.parent)
        staged.rename(directory)
        sync_folder(directory.parent)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise cannot('be written', directory, error) from error
        if _is_same(staged, directory, replaceable):
            return False
        _replace(staged, directory, aside)
    return True


def _is_same(staged: Path, directory: Path, replaceable: Callable[[Path], bool]) -> bool:
    """Tells whether what is there is the same, and whole; if not, it may be replaced.

    Raises:
        InstallError: it is another version, which may not.
    """
    hint = 'Give the new one a higher version, or remove the old one first.'
    for name in (MANIFEST, SIGNATURE):
        if _content(staged / name) != _content(directory / name):
            if replaceable(directory):
                return False
            raise InstallError(directory, f'it is there already, with another {name}', hint)
    try:
        read_pinned(directory, read_manifest(staged).files)  # the same as that of the directory
    except MlIntegrationError:
        return False
    return True


def _replace(staged: Path, directory: Path, aside: Path) -> None:
    """Puts a version in the place of one that nobody can load."""
    try:
        directory.rename(aside)
        staged.rename(directory)
        sync_folder(directory.parent)
    except OSError as error:
        raise cannot('be replaced', directory, error) from error


def _content(file: Path) -> bytes | None:
    try:
        return read_file(file, LARGEST)
    except (OSError, ValueError):
        return None
