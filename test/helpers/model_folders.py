"""Writes complete model packages for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import yaml

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings

DETECTOR_SETTINGS = {'decoder': 'yolo'}


def write_model_folder(
    store: Path,
    name: str = 'tiny_detector',
    version: int = 1,
    *,
    model: bytes | None = None,
    labels: tuple[str, ...] = ('red', 'green', 'blue'),
    golden: bool = True,
    task: str = 'object_detection',
    settings: Mapping[str, Any] | None = None,
    encode: Mapping[str, Any] | None = None,
) -> Path:
    """Writes `<store>/<name>/<version>` with manifest, model, labels and golden sample.

    Args:
        model: content of model.onnx; a tiny detector if not given.
        settings: of the task; those of the tiny detector if not given.
        encode: of each input, which is a picture; the encoder's own if not given.

    Returns:
        The folder, which is valid.
    """
    folder = store / name / str(version)
    folder.mkdir(parents=True)
    model = onnx_models.tiny_detector() if model is None else model
    (folder / 'model.onnx').write_bytes(model)
    content = ModelContent(ModelIdentity(name, version), model)
    session = OnnxRuntime().open(content, ExecutionSettings())
    document = _document(name, version, task, session, encode or {})
    document['settings'] = dict(DETECTOR_SETTINGS if settings is None else settings)
    if labels:
        (folder / 'labels.txt').write_text('\n'.join(labels) + '\n', encoding='utf-8')
        document['labels'] = 'labels.txt'
    if golden:
        write_golden(folder / 'golden.npz', session)
        document['golden'] = 'golden.npz'
    session.close()
    write_manifest(folder, document)
    pin_files(folder)
    return folder


def _document(
    name: str, version: int, task: str, session: Any, encode: Mapping[str, Any]
) -> dict[str, Any]:
    """A manifest without its settings."""
    return {
        'schema': 2,
        'name': name,
        'version': version,
        'description': 'A model for tests.',
        'task': task,
        'format': 'onnx',
        'license': 'CC0-1.0',
        'origin': 'built by the tests',
        'files': {},
        'model': 'model.onnx',
        'inputs': _inputs(session, encode),
        'outputs': [
            {'tensor': s.name, 'dtype': s.dtype, 'shape': list(s.shape)} for s in session.outputs
        ],
        'settings': {},
        'limits': {'latency_ms': 1000.0},
    }


def _inputs(session: Any, encode: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Pictures, of which all but the first one are held."""
    return [
        {'tensor': s.name, 'kind': 'image', 'topic': f'image{"_" * i}', 'dtype': s.dtype,
         'shape': list(s.shape), 'encode': dict(encode),
         **({'keep': {'latest_ms': 100}} if i else {})} for i, s in enumerate(session.inputs)
    ]  # fmt: skip


def write_golden(file: Path, session: Any) -> None:
    """Runs the session on a fixed uint8 input and stores both sides."""
    random = np.random.default_rng(1)
    arrays: dict[str, Any] = {'input_divisor': 255.0, 'rtol': 1e-3, 'atol': 1e-4}
    inputs = {}
    for spec in session.inputs:
        shape = [size or 1 for size in spec.shape]
        sample = random.integers(0, 256, shape, np.uint8)
        arrays[f'input.{spec.name}'] = sample
        inputs[spec.name] = (sample / 255.0).astype(spec.dtype)
    for name, array in session.run(inputs).items():
        arrays[f'output.{name}'] = array
    np.savez_compressed(file, **arrays)


def read_manifest_document(folder: Path) -> dict[str, Any]:
    """The manifest as plain YAML data, to be changed and written back."""
    document = yaml.safe_load((folder / 'manifest.yaml').read_text())
    assert isinstance(document, dict)
    return document


def write_manifest(folder: Path, document: Mapping[str, Any]) -> None:
    (folder / 'manifest.yaml').write_text(yaml.safe_dump(dict(document), sort_keys=False))


def pin_files(folder: Path) -> None:
    """Makes the manifest pin the files as they are now."""
    document = read_manifest_document(folder)
    names = sorted(p.name for p in folder.iterdir() if p.name != 'manifest.yaml')
    document['files'] = {name: _pin((folder / name).read_bytes()) for name in names}
    write_manifest(folder, document)


def _pin(content: bytes) -> dict[str, Any]:
    return {'sha256': hashlib.sha256(content).hexdigest(), 'size': len(content)}
