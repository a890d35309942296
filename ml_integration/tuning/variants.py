"""Packages of a changed model, which gives other results: other numbers or another resize."""

from __future__ import annotations

import re
from pathlib import Path

from ml_integration.core.abilities import Converting
from ml_integration.core.contracts import Backend
from ml_integration.errors import ModelError
from ml_integration.store.package.manifest import MANIFEST, parse_manifest
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.package.pinned_files import read_pinned
from ml_integration.store.package.repinning import repinned

INTERPOLATIONS = ('nearest', 'linear', 'area')
RESIZE = 'resize '


def variants_of(package: ModelPackage, backend: Backend) -> list[str]:
    """Returns what can be changed of a model."""
    converting = list(backend.conversions) if isinstance(backend, Converting) else []
    pictures = [item.encode for item in package.manifest.sensor_inputs if item.kind == 'image']
    if len(pictures) != 1:
        return converting
    now = pictures[0].get('interpolation', 'linear')
    return [*converting, *(f'{RESIZE}{one}' for one in INTERPOLATIONS if one != now)]


def write_variant(
    package: ModelPackage, name: str, backend: Backend, folder: Path, version: int
) -> Path:
    """Writes the package of a changed model; it has no golden sample.

    Args:
        package: the model as it is.
        name: one of `variants_of`.
        backend: converts models.
        folder: a store; the package becomes a folder in it.
        version: its version.

    Raises:
        ModelError: the model cannot be changed in this way.
    """
    manifest = package.manifest
    if manifest.encrypted:
        raise ModelError('it is encrypted, and a changed one would not be', where=manifest.name)
    contents = dict(read_pinned(package.directory, manifest.files))
    text = (package.directory / MANIFEST).read_text(encoding='utf-8-sig')
    text = re.sub(r'(?m)^version:.*$', f'version: {version}', text, count=1)
    text = re.sub(r'(?m)^golden:.*\n', '', text)
    if manifest.golden is not None:
        del contents[manifest.golden]
    if name.startswith(RESIZE):
        text = _with_interpolation(text, name.removeprefix(RESIZE), manifest.name)
    elif isinstance(backend, Converting):
        contents[manifest.model] = backend.convert(package.content, name)
    place = folder / manifest.name / str(version)
    place.mkdir(parents=True)
    data = repinned(text.encode(), contents, place / MANIFEST)
    parse_manifest(data, place / MANIFEST)
    for file, content in {**contents, MANIFEST: data}.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(content)
    return place


def _with_interpolation(text: str, interpolation: str, model: str) -> str:
    said = f'interpolation: {interpolation}'
    for pattern, replacement in (
        (r'\binterpolation: *\w+', said),
        (r'(?m)^( *)encode:\n( +)', rf'\1encode:\n\2{said}\n\2'),
        (r'\bencode: *\{', f'encode: {{{said}, '),
    ):
        changed, count = re.subn(pattern, replacement, text, count=1)
        if count:
            return changed
    raise ModelError("there is no 'encode' in its manifest that could be changed", where=model)
