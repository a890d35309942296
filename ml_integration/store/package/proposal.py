"""Writes a first manifest for a model file, for a person to complete."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import yaml

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import ModelInput
from ml_integration.errors import escaped
from ml_integration.store.package.manifest_document import SCHEMA
from ml_integration.store.package.manifest_inputs import input_document, tensor_document


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposal for a manifest: what could be found out about a model.

    Attributes:
        contents: the package's files by name.
        model: which of them is the model.
        inputs: guessed sources of the tensors; one of them has no keep and is the trigger.
        task: the task's name, a guess.
        settings: of the task.
        remarks: sentences for the person who completes the manifest.
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


def manifest_text(proposal: Proposal) -> str:
    """Returns the proposed `manifest.yaml`, with the remarks as comments on top."""
    document: dict[str, Any] = {
        'schema': SCHEMA,
        'name': proposal.name,
        'version': proposal.version,
        'description': '',
        'task': proposal.task,
        'format': 'onnx',
        'license': '',
        'origin': '',
        'files': {name: pin(content) for name, content in proposal.contents.items()},
        'model': proposal.model,
    }
    for key, suffix in (('labels', '.txt'), ('golden', '.npz')):
        names = [name for name in proposal.contents if PurePath(name).suffix == suffix]
        if len(names) == 1:
            document[key] = names[0]
    document['inputs'] = [input_document(item) for item in proposal.inputs]
    document['outputs'] = [tensor_document(spec) for spec in proposal.outputs]
    document['settings'] = dict(proposal.settings)
    comments = ''.join(f'# {escaped(remark)}\n' for remark in proposal.remarks)
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=95)
    return f'{comments}{text}'


def pin(content: bytes) -> dict[str, Any]:
    """Returns the entry under `files:` of a manifest for a file of this content."""
    return {'sha256': hashlib.sha256(content).hexdigest(), 'size': len(content)}
