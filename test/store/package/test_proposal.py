from __future__ import annotations

from pathlib import Path

import numpy as np

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import (
    ConstantInput,
    KeepRule,
    KeepSpec,
    SensorInput,
    SizeInput,
    StateInput,
    Trigger,
)
from ml_integration.store.package.manifest import FilePin, parse_manifest
from ml_integration.store.package.proposal import Proposal, manifest_text

SHA256_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

INPUTS = (
    SensorInput(TensorSpec('b', 'uint8', (1,)), 'imu', 'imu', KeepSpec(KeepRule.WINDOW, 20.0)),
    SensorInput(
        TensorSpec('a', 'float32', (None, 3, 8, 8)), 'image', 'image', encode={'scale': 255.0}
    ),
    StateInput('h_in', 'h_out'),
    SizeInput('size', 'a', 'wh'),
    ConstantInput('rate', 16000.0),
)


def test_proposed_manifest_is_a_manifest_that_says_what_was_found() -> None:
    proposal = Proposal(
        name='detector',
        version=2,
        contents={'model.onnx': b'abc', 'names.txt': b'cat\n', 'golden.npz': b''},
        model='model.onnx',
        inputs=INPUTS,
        outputs=[TensorSpec('h_out', 'float32', (1, 2))],
        task='object_detection',
        settings={'decoder': 'yolo', 'options': {'scale': 255.0}},
        remarks=['Guessed.', 'Complete it: by hand'],
    )
    text = manifest_text(proposal)
    assert text.startswith('# Guessed.\n# Complete it: by hand\nschema: 2\n')
    manifest = parse_manifest(text.encode(), Path('manifest.yaml'))
    assert (manifest.name, manifest.version) == ('detector', 2)
    assert manifest.files['model.onnx'] == FilePin(SHA256_OF_ABC, 3)
    assert (manifest.labels, manifest.golden) == ('names.txt', 'golden.npz')
    assert manifest.inputs == INPUTS
    assert manifest.trigger == Trigger('a')
    assert 'trigger:' not in text  # it can be no other
    assert list(manifest.outputs) == proposal.outputs
    assert manifest.settings == proposal.settings


def test_text_files_that_could_all_be_labels_are_left_to_the_person() -> None:
    spec = TensorSpec('h_out', np.dtype('f4').name, (1,))
    contents = {'m.onnx': b'', 'a.txt': b'', 'b.txt': b''}
    text = manifest_text(Proposal('m', 1, contents, 'm.onnx', INPUTS, [spec], 't', {}, []))
    assert parse_manifest(text.encode(), Path('manifest.yaml')).labels is None
