"""What a model's `manifest.yaml` says, checked and frozen.

The file's format is `manifest.schema.json` beside this module, which editors use as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml_integration.core.datatypes import ModelIdentity, TensorSpec
from ml_integration.errors import ManifestError
from ml_integration.store.package.manifest_document import read_document

MANIFEST = 'manifest.yaml'
SIGNATURE = 'manifest.sig'


@dataclass(frozen=True, slots=True)
class FilePin:
    """The one content a file may have.

    Attributes:
        sha256: 64 lower-case hex digits.
        size: bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input of the model and where its data comes from.

    Attributes:
        spec: the tensor.
        sensor: the sensor plug-in that decodes the messages.
        topic: default name of the topic.
    """

    spec: TensorSpec
    sensor: str
    topic: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What the model promises when it serves.

    Attributes:
        latency_ms: longest acceptable processing time of a frame [ms]; None: no promise.
    """

    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of a model.

    Attributes:
        files: every file of the folder except the manifest and its signature, by POSIX path,
            as they are stored.
        model: the model file, a key of `files`; so are `labels` and `golden` if not None.
        settings: the task's own, not yet checked.
        release: a counter that never goes down; it is what downgrades are told by.
        encrypted: the files that are stored encrypted, keys of `files`.
    """

    name: str
    version: int
    task: str
    backend: str
    files: Mapping[str, FilePin]
    model: str
    inputs: tuple[ModelInput, ...]
    outputs: tuple[TensorSpec, ...]
    labels: str | None = None
    golden: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    description: str = ''
    licence: str = ''
    origin: str = ''
    release: int = 0
    encrypted: tuple[str, ...] = ()

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(self.name, self.version, self.files[self.model].sha256)

    @property
    def external(self) -> tuple[str, ...]:
        """Files with no other role: external weights of the model file."""
        return tuple(sorted({*self.files} - {self.model, self.labels, self.golden}))


@lru_cache(maxsize=256)
def parse_manifest(data: bytes, file: Path) -> Manifest:
    """Reads a manifest; one that was read before costs nothing, in which frames would wait.

    Args:
        data: the file's content.
        file: where it comes from, for errors.

    Raises:
        ManifestError: it is not YAML, or a key is unknown, missing or wrong.
    """
    document = read_document(data, file)
    manifest = Manifest(
        name=document['name'],
        version=int(document['version']),
        task=document['task'],
        backend=document['backend'],
        files=MappingProxyType(
            {n: FilePin(pin['sha256'], int(pin['size'])) for n, pin in document['files'].items()}
        ),
        model=document['model'],
        inputs=tuple(
            ModelInput(_spec(item), item['sensor'], item['topic']) for item in document['inputs']
        ),
        outputs=tuple(_spec(item) for item in document['outputs']),
        labels=document.get('labels'),
        golden=document.get('golden'),
        settings=MappingProxyType(document.get('settings', {})),
        limits=_limits(document.get('limits', {}), file),
        description=document.get('description', ''),
        licence=document.get('licence', ''),
        origin=document.get('origin', ''),
        release=int(document.get('release', 0)),
        encrypted=tuple(document.get('encryption', {}).get('files', ())),
    )
    _check_references(manifest, file)
    return manifest


def _spec(item: Mapping[str, Any]) -> TensorSpec:
    shape = tuple(None if size is None else int(size) for size in item['shape'])
    return TensorSpec(item['name'], item['dtype'], shape)


def _limits(limits: Mapping[str, Any], file: Path) -> Limits:
    latency_ms = limits.get('latency_ms')
    if latency_ms is None:
        return Limits()
    if not math.isfinite(latency_ms):  # YAML's .inf and .nan are numbers to JSON Schema
        raise ManifestError(file, 'limits.latency_ms', latency_ms, 'a finite number')
    return Limits(float(latency_ms))


def _check_references(manifest: Manifest, file: Path) -> None:
    """What JSON Schema cannot say: names that have to match and names that have to differ."""
    named = [(key, getattr(manifest, key)) for key in ('model', 'labels', 'golden')]
    named.extend(('encryption.files', name) for name in manifest.encrypted)
    for key, name in named:
        if name is not None and name not in manifest.files:
            raise ManifestError(file, key, name, f"a file of 'files': {', '.join(manifest.files)}")
    for key, names in (
        ('inputs', [item.spec.name for item in manifest.inputs]),
        ('outputs', [spec.name for spec in manifest.outputs]),
        ('inputs.topic', [item.topic for item in manifest.inputs]),
        ('encryption.files', manifest.encrypted),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ManifestError(file, key, twice[0], 'each name once')
