"""A model package in memory: every file read once, and checked on the very bytes used."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ml_integration.core.datatypes import ModelContent
from ml_integration.core.drift_reference import Reference
from ml_integration.core.inputs import SensorInput, StateInput
from ml_integration.errors import IntegrityError, ManifestError
from ml_integration.store.files import in_words, read_file, read_named_file
from ml_integration.store.package.golden import Golden, parse_golden
from ml_integration.store.package.manifest import MANIFEST, Manifest, parse_manifest
from ml_integration.store.package.pinned_files import (
    check_sizes,
    link_refused,
    read_pinned,
    read_unchecked,
)
from ml_integration.store.package.plain_yaml import LARGEST
from ml_integration.store.package.reference_file import parse_reference
from ml_integration.store.trust.encryption import decrypt
from ml_integration.store.trust.policy import DIGEST, Trust

_LARGEST_LABELS = 2**22


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
        reference: what is usual for it, if that is known.
    """

    directory: Path
    manifest: Manifest
    content: ModelContent
    labels: tuple[str, ...]
    golden: Golden | None
    verified_by: str = 'digest'
    reference: Reference | None = None

    def without_bytes(self) -> ModelPackage:
        """Returns the same without the content of its files, for which a session has its own."""
        return replace(self, content=ModelContent(self.content.identity, b''), golden=None)


def read_manifest(directory: Path) -> Manifest:
    """Reads only the manifest of a package folder; its files are not looked at.

    Raises:
        ManifestError: it is missing, wrong, or of another model than the folder's name says.
        IntegrityError: it is a link.
    """
    return _parse(_read_manifest(directory), directory)


@dataclass(frozen=True, slots=True)
class PackageFolder:
    """A package folder whose manifest was read, once, and found good.

    What is read later is held to this manifest, whatever lies in the folder by then.

    Attributes:
        directory: the folder.
        data: the content of its manifest.
        manifest: what that says.
        verified_by: what vouches for the manifest: 'signature of <key id>', 'digest' or 'nothing'.
        trust: what the package has to show.
    """

    directory: Path
    data: bytes
    manifest: Manifest
    verified_by: str
    trust: Trust

    def read(self) -> ModelPackage:
        """Reads and verifies the files.

        Raises:
            ManifestError: the labels or the golden sample are wrong.
            IntegrityError: a file is missing, a link, not listed or has another content than
                pinned, or it cannot be decrypted.
        """
        contents = _read_contents(self.directory, self.manifest, self.trust)
        return self._with(contents)

    def _with(self, contents: Mapping[str, bytes]) -> ModelPackage:
        directory, manifest = self.directory, self.manifest
        external = {name: contents[name] for name in manifest.external}
        labels: tuple[str, ...] = ()
        if manifest.labels is not None:
            labels = _labels(contents[manifest.labels], directory / manifest.labels)
        golden = None
        if manifest.golden is not None:
            file = directory / manifest.golden
            golden = parse_golden(contents[manifest.golden], file, _known_sizes(manifest))
        reference = None
        if manifest.reference is not None:
            file = directory / manifest.reference
            reference = parse_reference(contents[manifest.reference], file)
        model = contents[manifest.model]
        identity = manifest.identity
        if self.trust.policy == 'off':  # the pinned digest may be that of another file
            identity = replace(identity, sha256=hashlib.sha256(model).hexdigest())
        content = ModelContent(identity, model, external)
        return ModelPackage(
            directory, manifest, content, labels, golden, self.verified_by, reference
        )


def open_package(directory: Path, trust: Trust = DIGEST) -> PackageFolder:
    """Reads the manifest of a package folder and checks who vouches for it; no file is read.

    Raises:
        ManifestError: the manifest is wrong.
        IntegrityError: it is a link, or not signed as it has to be.
    """
    data = _read_manifest(directory)
    verified_by = trust.check_manifest(data, directory)
    return PackageFolder(directory, data, _parse(data, directory), verified_by, trust)


def package_of(contents: Mapping[str, bytes], directory: Path) -> ModelPackage:
    """Makes a package of files that are in memory, before any of them is written.

    Args:
        contents: all files, the manifest with them, by POSIX path.
        directory: where they will be, for errors.

    Raises:
        ManifestError: the manifest, the labels or the golden sample are wrong.
    """
    data = contents[MANIFEST]
    manifest = parse_manifest(data, directory / MANIFEST)
    return PackageFolder(directory, data, manifest, 'nothing', DIGEST)._with(contents)


def digest_of(directory: Path) -> str:
    """Returns the digest of a package's manifest; empty if that cannot be read."""
    try:
        return hashlib.sha256(_read_manifest(directory)).hexdigest()
    except (ManifestError, IntegrityError):
        return ''


def inspect_package(directory: Path, trust: Trust = DIGEST) -> PackageFolder:
    """Checks quickly what takes no time of a package folder: manifest, signature, file sizes.

    Raises:
        ManifestError: the manifest is wrong.
        IntegrityError: it is not signed as it has to be, or a file is missing, a link, not listed
            or of another size than pinned.
    """
    folder = open_package(directory, trust)
    if trust.policy != 'off':
        check_sizes(directory, folder.manifest.files)
    return folder


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
    return open_package(directory, trust).read()


def _read_manifest(directory: Path) -> bytes:
    file = directory / MANIFEST
    try:
        return read_file(file, LARGEST)
    except (OSError, ValueError) as error:
        if file.is_symlink():
            raise link_refused(directory, MANIFEST) from error
        raise _no_manifest(directory, error) from error


def _no_manifest(directory: Path, error: Exception) -> ManifestError:
    file, hint = directory / MANIFEST, ''
    if directory.is_dir() and not file.exists():
        what = f'there is no {MANIFEST} in this folder'
        hint = 'A model is a folder with a manifest; ml_model inspect proposes one.'
    elif directory.is_dir():
        what = f'{MANIFEST} cannot be read: {in_words(error)}'
    elif directory.exists():
        what = f'this is a file; a model is a folder with a {MANIFEST}'
    else:
        what = 'there is no such folder'
    return ManifestError(directory, str(file), '', '', hint, what=what)


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


def _known_sizes(manifest: Manifest) -> dict[str, int]:
    """Returns how many elements an array of the golden sample has at most, where that is known."""
    specs = {f'output.{spec.name}': spec for spec in manifest.outputs}
    for item in manifest.inputs:
        if isinstance(item, SensorInput):
            specs[f'input.{item.tensor}'] = item.spec
        elif isinstance(item, StateInput):
            specs[f'input.{item.tensor}'] = specs[f'output.{item.state_of}']
    return {
        key: math.prod(size for size in spec.shape if size is not None)
        for key, spec in specs.items()
        if None not in spec.shape
    }


def read_labels(file: Path) -> tuple[str, ...]:
    """Reads a file of labels that a person named.

    Raises:
        ManifestError: it cannot be read, or is no text with one class name per line.
    """
    try:
        data = read_named_file(file, _LARGEST_LABELS)
    except (OSError, ValueError) as error:
        raise ManifestError(
            file, 'labels', None, '', what=f'the labels cannot be read: {in_words(error)}'
        ) from error
    return _labels(data, file)


def _labels(data: bytes, file: Path) -> tuple[str, ...]:
    if len(data) > _LARGEST_LABELS:
        raise ManifestError(file, 'labels', f'{len(data)} bytes', f'at most {_LARGEST_LABELS}')
    try:
        lines = data.decode('utf-8-sig').rstrip().splitlines()
    except UnicodeDecodeError as error:
        what = f'the class names are no UTF-8 text: {error}'
        raise ManifestError(file, 'labels', '', '', what=what) from error
    labels = tuple(line.strip() for line in lines)
    if not all(labels) or not labels:
        what = f'line {labels.index("") + 1} is empty' if labels else 'there is no class name'
        raise ManifestError(file, 'labels', '', 'one class name per line', what=what)
    return labels
