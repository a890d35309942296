"""Content of a model's `manifest.yaml`, checked and frozen.

The file's format is `manifest.schema.json` beside this module, which editors use as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml_integration.core.datatypes import ModelIdentity, TensorSpec
from ml_integration.core.inputs import ModelInput, SensorInput, Trigger
from ml_integration.errors import ManifestError
from ml_integration.store.package.manifest_document import read_document
from ml_integration.store.package.manifest_inputs import (
    check_unique,
    finite,
    read_inputs,
    read_spec,
)

MANIFEST = 'manifest.yaml'
SIGNATURE = 'manifest.sig'
ROLES = ('model', 'labels', 'golden', 'reference')
"""Keys that name a file."""


@dataclass(frozen=True, slots=True)
class FilePin:
    """Pin of a file: the one content that it may have.

    Attributes:
        sha256: 64 lower-case hex digits.
        size: bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that the model promises to keep.

    Attributes:
        latency_ms: longest acceptable processing time of a frame [ms]; None: no promise.
    """

    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Manifest of one version of a model.

    Attributes:
        digest: sha256 of the file itself, 64 lower-case hex digits. It pins all files, so it
            stands for the whole content, whatever name and version are written on it.
        files: every file of the folder except the manifest and its signature, by POSIX path,
            as they are stored.
        format: format of the model file, such as 'onnx'.
        model: the model file, a key of `files`; so are `labels`, `golden` and `reference` if
            not None.
        inputs: the source of each input tensor of the model.
        trigger: the message or clock that starts a run.
        settings: the task's own, not yet checked.
        release: a counter that never goes down; a lower one is a downgrade.
        encrypted: the files that are stored encrypted, keys of `files`.
    """

    name: str
    version: int
    task: str
    format: str
    files: Mapping[str, FilePin]
    model: str
    inputs: tuple[ModelInput, ...]
    trigger: Trigger
    outputs: tuple[TensorSpec, ...]
    digest: str
    labels: str | None = None
    golden: str | None = None
    reference: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    description: str = ''
    license: str = ''
    origin: str = ''
    release: int = 0
    encrypted: tuple[str, ...] = ()

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(self.name, self.version, self.files[self.model].sha256)

    @property
    def sensor_inputs(self) -> tuple[SensorInput, ...]:
        """Inputs that are made of messages."""
        return tuple(item for item in self.inputs if isinstance(item, SensorInput))

    @property
    def external(self) -> tuple[str, ...]:
        """Files with no other role: external weights of the model file."""
        return tuple(sorted({*self.files} - {getattr(self, role) for role in ROLES}))


@lru_cache(maxsize=256)
def parse_manifest(data: bytes, file: Path) -> Manifest:
    """Reads a manifest; a cache makes the same bytes free the next time, so frames need not wait.

    Args:
        data: the file's content.
        file: where it comes from, for errors.

    Raises:
        ManifestError: it is not YAML, or a key is unknown, missing or wrong.
    """
    document = read_document(data, file)
    inputs, trigger = read_inputs(document, file)
    manifest = Manifest(
        name=document['name'],
        version=int(document['version']),
        task=document['task'],
        format=document['format'],
        files=MappingProxyType(
            {n: FilePin(pin['sha256'], int(pin['size'])) for n, pin in document['files'].items()}
        ),
        model=document['model'],
        inputs=inputs,
        trigger=trigger,
        outputs=tuple(read_spec(item) for item in document['outputs']),
        digest=hashlib.sha256(data).hexdigest(),
        labels=document.get('labels'),
        golden=document.get('golden'),
        reference=document.get('reference'),
        settings=MappingProxyType(document.get('settings', {})),
        limits=_limits(document.get('limits', {}), file),
        description=document.get('description', ''),
        license=document.get('license', ''),
        origin=document.get('origin', ''),
        release=int(document.get('release', 0)),
        encrypted=tuple(document.get('encryption', {}).get('files', ())),
    )
    _check_references(manifest, file)
    return manifest


def _limits(limits: Mapping[str, Any], file: Path) -> Limits:
    latency_ms = limits.get('latency_ms')
    if latency_ms is None:
        return Limits()
    return Limits(finite(latency_ms, 'limits.latency_ms', file))


def _check_references(manifest: Manifest, file: Path) -> None:
    """Checks what JSON Schema cannot: that names refer to files, and none is there twice."""
    named = [(key, getattr(manifest, key)) for key in ROLES]
    named.extend(('encryption.files', name) for name in manifest.encrypted)
    for key, name in named:
        if name is not None and name not in manifest.files:
            raise ManifestError(file, key, name, f"a file of 'files': {', '.join(manifest.files)}")
    check_unique([spec.name for spec in manifest.outputs], 'outputs', file)
    check_unique(manifest.encrypted, 'encryption.files', file)
