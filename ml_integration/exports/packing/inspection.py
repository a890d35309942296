"""Looks into an export without making anything: tensors, a run, and a proposed manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import monotonic_ns, perf_counter
from typing import Any

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.contracts import Backend, Session
from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.loading import TIMEOUT_S
from ml_integration.errors import InferenceError, MlIntegrationError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.packing.adding import name_claim
from ml_integration.exports.packing.drafting import (
    MODEL,
    Draft,
    draft,
    files_of,
    session_of,
    with_tensors,
)
from ml_integration.exports.packing.package_writer import (
    LABELS,
    all_claims,
    label_lines,
    proposal_of,
)
from ml_integration.exports.reading.source import Source, open_source
from ml_integration.exports.trying.sample_pictures import own_pictures
from ml_integration.store.files import is_regular, open_named_file
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE
from ml_integration.store.package.proposal import manifest_text


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an export is.

    Attributes:
        source: the export, with the tensors of its model.
        providers: what could be asked for here.
        outcome: how a run on zeros went, in words.
        draft: what would be made of it; None if nothing can be.
        claims: every value of the manifest; without a draft, what the export says.
        manifest: the proposed text; empty without a draft.
        refusal: why there is no draft, as a sentence.
    """

    source: Source
    providers: tuple[str, ...]
    outcome: str
    draft: Draft | None
    claims: Claims
    manifest: str
    refusal: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source.content).hexdigest()


def inspect_export(path: Path, model: str = '') -> Inspection:
    """Looks into an export.

    Args:
        path: an .onnx file, a folder or an archive.
        model: which model of several.

    Raises:
        ExportError: there is no model in it.
        ModelLoadError: the engine refuses it.
    """
    source = with_tensors(open_source(path, model))
    providers, outcome = _on_zeros(source)
    try:
        drafted = draft(source, (), own_pictures())
    except MlIntegrationError as error:
        return Inspection(source, providers, outcome, None, Claims(), '', str(error))
    claims = all_claims(drafted, *_identity(path, source))
    text = _manifest(path, drafted, claims)
    return Inspection(source, providers, outcome, drafted, claims, text, '')


def in_store(path: Path) -> bool:
    """Tells whether a file lies in a folder `<name>/<version>`."""
    return is_regular(path) and path.absolute().parent.name.isdecimal()


def _on_zeros(source: Source) -> tuple[tuple[str, ...], str]:
    backend: Backend = plugins.load('backends', ExecutionSettings().engine)()
    with session_of(source) as session:
        return backend.available(), _run_once(session)


def _run_once(session: Session) -> str:
    try:
        zeros = {s.name: np.zeros([n or 1 for n in s.shape], s.dtype) for s in session.inputs}
        until_ns = monotonic_ns() + int(TIMEOUT_S * 1e9)
        session.run(zeros, until_ns)  # the first run also allocates
        start = perf_counter()
        session.run(zeros, until_ns)
    except InferenceError as error:
        return f'no: {error}'
    except (MemoryError, ValueError) as error:
        return f'no: its inputs are too large for this machine: {error}'
    return f'yes, {(perf_counter() - start) * 1e3:.2f} ms on {session.device}'


def _identity(path: Path, source: Source) -> tuple[Claim, Claim]:
    if not in_store(path):
        version = Claim('version', 1, Origin.DEFAULT, 'the first one')
        return name_claim(source, path, ''), version
    folder = path.absolute().parent
    return (
        Claim('name', folder.parent.name, Origin.SIDECAR, "the folder's name"),
        Claim('version', int(folder.name), Origin.SIDECAR, "the folder's name"),
    )


def _manifest(path: Path, drafted: Draft, claims: Claims) -> str:
    label = drafted.source.export.label
    remarks = [
        f'Proposed by: ml_model inspect {label}',
        *(f'Open: {question.sentence}' for question in drafted.questions),
        'Complete description, license, origin and labels; then run: ml_model check.',
    ]
    if in_store(path):
        contents, model = _beside(path), PurePosixPath(path.name).name
    else:
        contents, model = files_of(drafted.source), MODEL
        if labels := drafted.claims.value('labels', ()):
            contents[LABELS] = label_lines(labels, label)
        folder = f'{claims.value("name")}/{claims.value("version")}'
        remarks.append(f'Save it as {folder}/{MANIFEST} in a store, the model beside it.')
    return manifest_text(proposal_of(drafted, claims, contents, model, remarks))


def _beside(file: Path) -> dict[str, bytes]:
    """Reads all files of a package folder, the model first."""
    files = sorted(file.absolute().parent.iterdir())
    beside = [p for p in files if p.name not in (MANIFEST, SIGNATURE) and is_regular(p)]
    return {path.name: _content(path) for path in (file, *beside)}


def _content(file: Path) -> bytes:
    with open_named_file(file) as stream:
        return stream.read()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Sequence[tuple[str, Any, Any]]:
    """Compares what two manifests say, apart from the pins of files and free texts.

    Args:
        old: a manifest as plain data.
        new: another one.

    Returns:
        Key, old and new value of each difference; None where one says nothing.
    """
    flat_old, flat_new = _flat(old), _flat(new)
    return [
        (key, flat_old.get(key), flat_new.get(key))
        for key in [*flat_old, *(key for key in flat_new if key not in flat_old)]
        if flat_old.get(key) != flat_new.get(key) and key.split('.')[0] not in _FREE
    ]


_FREE = ('files', 'description', 'license', 'origin', 'release', 'limits', 'encryption')


def _flat(value: Any, prefix: str = '') -> dict[str, Any]:
    if isinstance(value, Mapping):
        inner = {str(key): item for key, item in value.items()}
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        inner = {str(item.get('tensor', number)): item for number, item in enumerate(value)}
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in inner.items():
        flat.update(_flat(item, f'{prefix}.{key}' if prefix else key))
    return flat
