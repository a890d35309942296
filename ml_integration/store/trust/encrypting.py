"""Makes an encrypted copy of a package."""

from __future__ import annotations

from pathlib import Path

import yaml

from ml_integration.errors import InstallError
from ml_integration.store.install.staging import staging, sync_tree
from ml_integration.store.package.manifest import MANIFEST, Manifest
from ml_integration.store.package.manifest_document import read_document
from ml_integration.store.package.package import open_package, read_manifest
from ml_integration.store.package.pinned_files import read_pinned
from ml_integration.store.package.proposal import pin
from ml_integration.store.state.durable import cannot, sync_folder, write_durably
from ml_integration.store.trust.encryption import ALGORITHM, encrypt


def encrypt_package(source: Path, target: Path, key: bytes) -> Manifest:
    """Writes a copy of a package whose model and weights are encrypted; it is not signed.

    Args:
        source: a package folder.
        target: the folder to be made.
        key: 32 bytes.

    Returns:
        The new manifest. Comments of the old one are lost.

    Raises:
        IntegrityError: the files are not those that the manifest pins.
        InstallError: it is encrypted already, or the target exists.
        StateError: the target cannot be written.
    """
    package = open_package(source)
    manifest = package.manifest
    if manifest.encrypted:
        raise InstallError(source, 'it is encrypted already')
    if target.exists():
        raise InstallError(target, 'it exists already', 'Name a new folder.')
    contents = read_pinned(source, manifest.files)
    secret = [manifest.model, *manifest.external]
    for name in secret:
        contents[name] = encrypt(contents[name], key, manifest.identity, name)
    document = read_document(package.data, source / MANIFEST)
    document['files'] = {name: pin(contents[name]) for name in document['files']}
    document['encryption'] = {'algorithm': ALGORITHM, 'files': secret}
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=95)
    _write({**contents, MANIFEST: text.encode()}, target.absolute())
    return read_manifest(target)


def _write(contents: dict[str, bytes], target: Path) -> None:
    with staging(target.parent) as folder:
        staged = folder / 'package'
        for name, content in contents.items():
            write_durably(staged / name, content)
        try:
            sync_tree(staged)
            staged.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            raise cannot('be written', target, error) from error
