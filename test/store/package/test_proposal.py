from __future__ import annotations

from pathlib import Path

import numpy as np

from ml_integration.core.datatypes import TensorSpec
from ml_integration.store.package.manifest import FilePin, parse_manifest
from ml_integration.store.package.proposal import Proposal, manifest_text

SHA256_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'


def test_proposed_manifest_is_a_manifest_that_says_what_was_found() -> None:
    proposal = Proposal(
        name='detector',
        version=2,
        contents={'model.onnx': b'abc', 'names.txt': b'cat\n', 'golden.npz': b''},
        model='model.onnx',
        inputs=[TensorSpec('a', 'float32', (None, 3, 8, 8)), TensorSpec('b', 'uint8', (1,))],
        outputs=[TensorSpec('y', 'int64', (1, 2))],
        task='object_detection',
        settings={'decoder': 'yolo', 'preprocess': {'scale': 255.0}},
        remarks=['Guessed.', 'Complete it: by hand'],
    )
    text = manifest_text(proposal)
    assert text.startswith('# Guessed.\n# Complete it: by hand\nschema: 1\n')
    manifest = parse_manifest(text.encode(), Path('manifest.yaml'))
    assert (manifest.name, manifest.version) == ('detector', 2)
    assert manifest.files['model.onnx'] == FilePin(SHA256_OF_ABC, 3)
    assert (manifest.labels, manifest.golden) == ('names.txt', 'golden.npz')
    assert [item.spec for item in manifest.inputs] == proposal.inputs
    assert [item.topic for item in manifest.inputs] == ['image', 'image_2']
    assert list(manifest.outputs) == proposal.outputs
    assert manifest.settings == proposal.settings


def test_text_files_that_could_all_be_labels_are_left_to_the_person() -> None:
    spec = TensorSpec('x', np.dtype('f4').name, (1,))
    contents = {'m.onnx': b'', 'a.txt': b'', 'b.txt': b''}
    text = manifest_text(Proposal('m', 1, contents, 'm.onnx', [spec], [spec], 't', {}, []))
    assert parse_manifest(text.encode(), Path('manifest.yaml')).labels is None
