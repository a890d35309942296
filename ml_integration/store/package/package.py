"""A model package in memory: every file read once, and checked on the very bytes used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from ml_integration.core.datatypes import ModelContent
from ml_integration.errors import ManifestError
from ml_integration.store.package.golden import Golden, parse_golden
from ml_integration.store.package.manifest import MANIFEST, Manifest, parse_manifest
from ml_integration.store.package.pinned_files import check_sizes, read_pinned, read_unchecked
from ml_integration.store.trust.encryption import decrypt
from ml_integration.store.trust.policy import DIGEST, Trust


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """Verified version of a model.

    Attributes:
        directory: the folder it was read from.
        manifest: its manifest.
        content: the verified bytes a backend opens.
        labels: class names, the index is the class id; empty when it has none.
        golden: its golden sample, if it has one.
        verified_by: what vouches for it: 'signature of <key id>', 'digest' or 'nothing'.
    """

    directory: Path
    manifest: Manifest
    content: ModelContent
    labels: tuple[str, ...]
    golden: Golden | None
    verified_by: str = 'digest'


def read_manifest(directory: Path) -> Manifest:
    """Reads only the manifest of a package folder; its files are not looked at.

    Raises:
        ManifestError: it is missing, wrong, or of another model than the folder's name says.
    """
    return _parse(_read_manifest(directory), directory)


def inspect_package(directory: Path, trust: Trust = DIGEST) -> Manifest:
    """Checks quickly what takes no time of a package folder: manifest, signature, file sizes.

    Raises:
        ManifestError: the manifest is wrong.
        IntegrityError: it is not signed as it has to be, or a file is missing, a link, not listed
            or of another size than pinned.
    """
    data = _read_manifest(directory)
    trust.check_manifest(data, directory)
    manifest = _parse(data, directory)
    if trust.policy != 'off':
        check_sizes(directory, manifest.files)
    return manifest


def read_package(directory: Path, trust: Trust = DIGEST) -> ModelPackage:
    """Reads and verifies a package folder.

    Args:
        directory: `<store>/<name>/<version>`, or a folder of any other name.
        trust: what it has to show.

    Raises:
        ManifestError: the manifest, labels or golden sample is wrong.
        IntegrityError: it is not signed as it has to be, a file is missing, a link, not listed
            or has another content than pinned, or it cannot be decrypted.
    """
    data = _read_manifest(directory)
    verified_by = trust.check_manifest(data, directory)
    manifest = _parse(data, directory)
    contents = _read_contents(directory, manifest, trust)
    external = {name: contents[name] for name in manifest.external}
    labels: tuple[str, ...] = ()
    if manifest.labels is not None:
        labels = _labels(contents[manifest.labels], directory / manifest.labels)
    golden = None
    if manifest.golden is not None:
        golden = parse_golden(contents[manifest.golden], directory / manifest.golden)
    model = contents[manifest.model]
    identity = manifest.identity
    if trust.policy == 'off':  # the pinned digest may be that of another file
        identity = replace(identity, sha256=hashlib.sha256(model).hexdigest())
    content = ModelContent(identity, model, external)
    return ModelPackage(directory, manifest, content, labels, golden, verified_by)


def _read_manifest(directory: Path) -> bytes:
    file = directory / MANIFEST
    try:
        return file.read_bytes()
    except OSError as error:
        raise ManifestError(
            file, 'the file', error.strerror or str(error), f'a model package with a {MANIFEST}'
        ) from error


def _parse(data: bytes, directory: Path) -> Manifest:
    file = directory / MANIFEST
    manifest = parse_manifest(data, file)
    _check_folder(manifest, directory.absolute(), file)
    return manifest


def _read_contents(directory: Path, manifest: Manifest, trust: Trust) -> dict[str, bytes]:
    read = read_unchecked if trust.policy == 'off' else read_pinned
    contents = read(directory, manifest.files)
    for name in manifest.encrypted:
        contents[name] = decrypt(
            contents[name], trust.model_key, manifest.identity, name, directory / name
        )
    return contents


def _check_folder(manifest: Manifest, directory: Path, file: Path) -> None:
    """Checks that a folder of a store, `<name>/<version>`, has the manifest's name and version."""
    if not directory.name.isdecimal():
        return
    for key, got, expected in (
        ('version', str(manifest.version), directory.name),
        ('name', manifest.name, directory.parent.name),
    ):
        if got != expected:
            raise ManifestError(file, key, got, f"'{expected}', the name of its folder")


def _labels(data: bytes, file: Path) -> tuple[str, ...]:
    try:
        lines = data.decode('utf-8-sig').rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise ManifestError(file, 'labels', str(error), 'UTF-8 text') from error
    labels = tuple(line.strip() for line in lines)
    if not all(labels) or not labels:
        place = f'line {labels.index("") + 1}' if labels else 'the file'
        raise ManifestError(file, place, '', 'one class name per line')
    return labels
