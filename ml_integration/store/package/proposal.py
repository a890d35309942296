"""Writes a manifest for a model file, with a comment on the origin of each value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import yaml

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import ModelInput
from ml_integration.errors import escaped
from ml_integration.store.package.manifest_document import SCHEMA
from ml_integration.store.package.manifest_inputs import input_document, tensor_document

_WIDTH = 95


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposal for a manifest: what could be found out about a model.

    Attributes:
        contents: the package's files by name.
        model: which of them is the model; so are `labels` and `golden`, by default the only .txt
            and the only .npz.
        inputs: sources of the tensors; one of them has no keep and is the trigger.
        task: the task's name.
        settings: of the task, nested as in the manifest.
        description: what the model does; so are license and origin free texts.
        remarks: sentences for the person who reads the manifest.
        notes: origins of values, by the manifest's key that they are below.
    """

    name: str
    version: int
    contents: Mapping[str, bytes]
    model: str
    inputs: Sequence[ModelInput]
    outputs: Sequence[TensorSpec]
    task: str
    settings: Mapping[str, Any]
    remarks: Sequence[str]
    labels: str = ''
    golden: str = ''
    description: str = ''
    license: str = ''
    origin: str = ''
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def manifest_text(proposal: Proposal) -> str:
    """Returns the proposed `manifest.yaml`, remarks and origins as comments."""
    document: dict[str, Any] = {
        'schema': SCHEMA,
        'name': proposal.name,
        'version': proposal.version,
        'description': proposal.description,
        'task': proposal.task,
        'format': 'onnx',
        'license': proposal.license,
        'origin': proposal.origin,
        'files': {name: pin(content) for name, content in proposal.contents.items()},
        'model': proposal.model,
        **_roles(proposal),
        'inputs': [input_document(item) for item in proposal.inputs],
        'outputs': [tensor_document(spec) for spec in proposal.outputs],
        'settings': dict(proposal.settings),
    }
    head = ''.join(comment(remark) for remark in proposal.remarks)
    blocks = (
        ''.join(map(comment, proposal.notes.get(key, ()))) + _block(key, value)
        for key, value in document.items()
    )
    return head + ''.join(blocks)


def _roles(proposal: Proposal) -> dict[str, str]:
    given = {'labels': (proposal.labels, '.txt'), 'golden': (proposal.golden, '.npz')}
    roles = {}
    for key, (name, suffix) in given.items():
        alike = [one for one in proposal.contents if PurePath(one).suffix == suffix]
        if name or len(alike) == 1:
            roles[key] = name or alike[0]
    return roles


def comment(text: str) -> str:
    """Returns a line that YAML skips, whatever is in the text."""
    return f'# {escaped(text)}\n'


def pin(content: bytes) -> dict[str, Any]:
    """Returns the entry under `files:` of a manifest for a file of this content."""
    return {'sha256': hashlib.sha256(content).hexdigest(), 'size': len(content)}


def _block(key: str, value: Any) -> str:
    plain = _plain(value)
    # None writes a mapping of nothing but scalars in braces; the outermost one may not be.
    flow = None if plain and isinstance(plain, dict | list) else False
    text: str = yaml.safe_dump(
        {key: plain}, sort_keys=False, default_flow_style=flow, width=_WIDTH
    )
    return text


def _plain(value: Any) -> Any:
    """Returns a value with lists instead of tuples."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
