"""Sources of an installation: a folder, an archive or an ONNX file with its manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ml_integration.errors import InstallError, ManifestError
from ml_integration.store.files import in_words, open_file, open_named_file, read_named_file
from ml_integration.store.install.archives import files_of_archive, is_archive
from ml_integration.store.install.source_file import SourceFile, SourceLimits, explained
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, parse_manifest
from ml_integration.store.package.plain_yaml import LARGEST


def open_source(source: Path, manifest: Path | None, limits: SourceLimits) -> Iterator[SourceFile]:
    """Opens the files of a package, the manifest first.

    Args:
        source: a folder, a .tar, .tar.gz, .tgz, .tar.xz, .txz, .zip or .onnx.
        manifest: the manifest of an ONNX file; by default the one beside it.
        limits: how much is acceptable.

    Raises:
        InstallError: the source is no package, is not safe or is too large.
    """
    with explained(source):
        yield from _files_of(source, manifest, limits)


def _files_of(source: Path, manifest: Path | None, limits: SourceLimits) -> Iterator[SourceFile]:
    name = source.name.lower()
    if source.is_dir():
        files = _from_names(source, _names_in(source, limits), limits)
    elif is_archive(name):
        files = files_of_archive(source, limits)
    elif name.endswith('.onnx'):
        files = _from_onnx(source, manifest or source.with_name(MANIFEST), limits)
    elif not source.exists():
        raise InstallError(source, 'there is no such file or folder')
    else:
        hint = 'Give a folder, a .tar, .tar.gz, .tar.xz or .zip, or an .onnx with its manifest.'
        raise InstallError(source, 'it is none of the things that can be installed', hint)
    return files


def _names_in(folder: Path, limits: SourceLimits) -> list[str]:
    names: list[str] = []
    entries = 0
    for where, folders, files in os.walk(folder):
        entries += len(folders) + len(files)
        limits.check(folder, entries, 0)
        for name in (*folders, *files):
            path = Path(where) / name
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise InstallError(folder, f'{relative} is a link or no regular file')
            if path.is_file():
                names.append(relative)
    return sorted(names, key=lambda name: (PurePosixPath(name).name != MANIFEST, name))


def _from_names(folder: Path, names: list[str], limits: SourceLimits) -> Iterator[SourceFile]:
    sizes = {name: (folder / name).stat().st_size for name in names}
    total = sum(sizes.values())
    limits.check(folder, len(names), total)
    for name, size in sizes.items():
        with open_file(folder / name) as stream:
            yield SourceFile(folder, name, size, stream, total)


def _from_onnx(model: Path, manifest: Path, limits: SourceLimits) -> Iterator[SourceFile]:
    try:
        data = read_named_file(manifest, LARGEST)
    except (OSError, ValueError) as error:
        hint = f'Give one by --manifest; ml_model inspect {model} proposes one.'
        is_missing = manifest == model.with_name(MANIFEST) and not manifest.exists()
        what = f'it cannot be used as the manifest of {model.name}: {in_words(error)}'
        if is_missing:
            what = f'there is no {MANIFEST} beside {model.name}'
        raise ManifestError(
            model.parent if is_missing else manifest, str(manifest), '', '', hint, what=what
        ) from error
    pinned = parse_manifest(data, manifest)
    beside = {name: manifest.parent / name for name in pinned.files}
    paths = {MANIFEST: manifest, SIGNATURE: manifest.with_name(SIGNATURE), **beside}
    paths[pinned.model] = model
    paths = {name: path for name, path in paths.items() if path.is_file()}
    total = sum(path.stat().st_size for path in paths.values())
    limits.check(model, len(paths), total)
    for name, path in paths.items():
        with open_named_file(path) as stream:
            yield SourceFile(model, name, path.stat().st_size, stream, total)
