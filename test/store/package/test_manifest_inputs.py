"""What fills a model's inputs and what starts a run, as a manifest says it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

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
from ml_integration.errors import ManifestError
from ml_integration.store.package.manifest import Manifest, parse_manifest
from ml_integration.store.package.manifest_inputs import input_document

FILE = Path('store/walker/1/manifest.yaml')
GOOD = f"""\
schema: 2
name: walker
version: 1
task: object_detection
format: onnx
files:
  model.onnx: {{sha256: {'0123456789abcdef' * 4}, size: 12}}
model: model.onnx
inputs:
  - tensor: images
    kind: image
    topic: image
    dtype: float32
    shape: [1, 3, 480, 640]
    encode: {{resize: letterbox, color: rgb}}
  - tensor: joints
    kind: joint_state
    topic: joint_states
    dtype: float32
    shape: [1, 6]
    keep: {{latest_ms: 100}}
    encode: {{joints: [hip, knee], fields: [position]}}
  - tensor: imu
    kind: imu
    topic: imu
    dtype: float32
    shape: [1, 200, 6]
    keep: {{window_ms: 2000}}
    encode: {{rate_hz: 100}}
  - {{tensor: h_in, state_of: h_out}}
  - {{tensor: sample_rate, constant: 16000}}
  - {{tensor: orig_size, size_of: images, order: hw}}
outputs:
  - {{tensor: h_out, dtype: float32, shape: [1, 8]}}
  - {{tensor: actions, dtype: float32, shape: [1, 2]}}
"""
IMAGES, JOINTS, IMU, STATE, CONSTANT, SIZE = range(6)


def changed(changes: dict[str, Any]) -> str:
    """`GOOD` with other values under dotted keys; those that are None are left out."""
    document = yaml.safe_load(GOOD)
    for key, value in changes.items():
        *path, name = (int(part) if part.isdecimal() else part for part in key.split('.'))
        place = document
        for part in path:
            place = place[part]
        if value is not None:
            place[name] = value
        else:
            del place[name]
    return yaml.safe_dump(document)


def parse(changes: dict[str, Any]) -> Manifest:
    return parse_manifest(changed(changes).encode(), FILE)


def refusal(changes: dict[str, Any]) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        parse(changes)
    beginning = f"{FILE}: '{caught.value.key}' "
    assert str(caught.value).startswith(
        tuple(beginning + end for end in ('is not valid; got ', 'has no value', 'is missing'))
    )
    return caught.value


def test_every_form_of_an_input_arrives() -> None:
    manifest = parse({})
    images = SensorInput(
        TensorSpec('images', 'float32', (1, 3, 480, 640)), 'image', 'image',
        encode={'resize': 'letterbox', 'color': 'rgb'},
    )  # fmt: skip
    joints = SensorInput(
        TensorSpec('joints', 'float32', (1, 6)), 'joint_state', 'joint_states',
        KeepSpec(KeepRule.LATEST, 100.0), {'joints': ['hip', 'knee'], 'fields': ['position']},
    )  # fmt: skip
    imu = SensorInput(
        TensorSpec('imu', 'float32', (1, 200, 6)), 'imu', 'imu',
        KeepSpec(KeepRule.WINDOW, 2000.0), {'rate_hz': 100},
    )  # fmt: skip
    assert manifest.sensor_inputs == (images, joints, imu)
    assert manifest.inputs[STATE:] == (
        StateInput('h_in', 'h_out'),
        ConstantInput('sample_rate', 16000.0),
        SizeInput('orig_size', 'images', 'hw'),
    )
    assert manifest.trigger == Trigger('images')  # the only one without a keep


def test_what_is_written_of_an_input_is_what_was_read() -> None:
    manifest = parse({})
    written = yaml.safe_load(GOOD)['inputs']
    assert [input_document(item) for item in manifest.inputs] == written


@pytest.mark.parametrize(
    ('changes', 'trigger'),
    [
        ({'trigger': 'images'}, Trigger('images')),
        (
            {'trigger': 'joints', 'inputs.1.keep': None, 'inputs.0.keep': {'nearest_ms': 0}},
            Trigger('joints'),
        ),
        (
            {'trigger': {'rate_hz': 50}, 'inputs.0.keep': {'latest_ms': 200}},
            Trigger(rate_hz=50.0),
        ),
        ({'inputs.1.keep': {'nearest_ms': 0.5}}, Trigger('images')),
        ({'inputs.5.order': None}, Trigger('images')),
    ],
)
def test_what_starts_a_run_can_be_any_input_or_a_clock(
    changes: dict[str, Any], trigger: Trigger
) -> None:
    assert parse(changes).trigger == trigger


@pytest.mark.parametrize(
    ('changes', 'key', 'words'),
    [
        # names
        ({'inputs.3.state_of': 'h_oot'}, 'inputs.3.state_of',
         ["got 'h_oot'", 'one of the outputs: h_out, actions', "Did you mean 'h_out'?"]),
        ({'inputs.5.size_of': 'joints'}, 'inputs.5.size_of',
         ["got 'joints'", 'one of the inputs of kind image: images']),
        ({'inputs.5.size_of': 'image'}, 'inputs.5.size_of', ["Did you mean 'images'?"]),
        ({'trigger': 'h_in'}, 'trigger',
         ["got 'h_in'", 'inputs with a kind: images, joints, imu']),
        ({'trigger': 'imags'}, 'trigger', ["Did you mean 'images'?"]),
        ({'inputs.3.tensor': 'imu'}, 'inputs', ["got 'imu'", 'each name once']),
        ({'inputs.2.topic': 'image'}, 'inputs.topic', ["got 'image'", 'each name once']),
        # keep and trigger
        ({'inputs.0.keep': {'latest_ms': 5}}, 'trigger',
         ['has no value', 'one of images, joints, imu, or {rate_hz: ...}']),
        ({'inputs.1.keep': None}, 'trigger',
         ['one of images, joints', 'give a keep to the others']),
        ({'inputs.0.keep': {'latest_ms': 5}, 'trigger': 'images'}, 'inputs.0.keep',
         ["got {'latest_ms': 5.0}", 'expected no keep', "'images' is the trigger"]),
        ({'inputs.1.keep': None, 'trigger': 'images'}, 'inputs.1.keep',
         ['has no value', 'one of nearest_ms, latest_ms and window_ms', "the trigger, 'images'"]),
        ({'trigger': {'rate_hz': 9}}, 'inputs.0.keep', ['has no value', 'latest_ms or window_ms']),
        ({'trigger': {'rate_hz': 9}, 'inputs.0.keep': {'nearest_ms': 5}}, 'inputs.0.keep',
         ["got {'nearest_ms': 5.0}", 'latest_ms or window_ms', 'A clock']),
        ({'trigger': {'rate': 50}}, 'trigger.rate', ["Did you mean 'rate_hz'?"]),
        ({'trigger': {}}, 'trigger.rate_hz', ['is missing', '[Hz]']),
        ({'trigger': {'rate_hz': 0}}, 'trigger.rate_hz', ['got 0', 'expected > 0']),
        ({'trigger': {'rate_hz': 1001}}, 'trigger.rate_hz', ['got 1001', 'expected <= 1000']),
        ({'trigger': {'rate_hz': float('nan')}}, 'trigger.rate_hz', ['got nan', 'finite']),
        ({'trigger': 3}, 'trigger', ['got 3', 'text or a mapping', '{rate_hz: N}']),
        ({'inputs.1.keep': {}}, 'inputs.1.keep', ['at least 1', 'exactly one of nearest_ms']),
        ({'inputs.1.keep': {'latest_ms': 1, 'window_ms': 2}}, 'inputs.1.keep',
         ['at most 1', 'exactly one of nearest_ms']),
        ({'inputs.1.keep': {'latest': 1}}, 'inputs.1.keep.latest', ["Did you mean 'latest_ms'?"]),
        ({'inputs.1.keep': {'latest_ms': 0}}, 'inputs.1.keep.latest_ms', ['got 0', '> 0']),
        ({'inputs.1.keep': {'window_ms': float('inf')}}, 'inputs.1.keep.window_ms', ['finite']),
        ({'inputs.1.keep': {'nearest_ms': -1}}, 'inputs.1.keep.nearest_ms', ['got -1', '>= 0']),
        # forms
        ({'inputs': [{'tensor': 'a', 'constant': 1}]}, 'inputs', ["got 'a'", 'with a kind']),
        ({'inputs.0.knid': 'image', 'inputs.0.kind': None}, 'inputs.0.knid',
         ["Did you mean 'kind'?"]),
        ({'inputs.0.encoding': {}}, 'inputs.0.encoding', ["Did you mean 'encode'?"]),
        ({'inputs.3': {'tensor': 'h_in', 'state_off': 'h_out'}}, 'inputs.3.state_off',
         ["Did you mean 'state_of'?"]),
        ({'inputs.4': {'tensor': 'rate', 'constnat': 3}}, 'inputs.4.constnat',
         ["Did you mean 'constant'?"]),
        ({'inputs.5.size': 'images', 'inputs.5.size_of': None}, 'inputs.5.size',
         ["Did you mean 'size_of'?"]),
        ({'inputs.3.topic': 'h'}, 'inputs.3.topic', ["got 'h'", 'one of tensor, state_of']),
        ({'inputs.3.constant': 1}, 'inputs.3.constant', ['one of tensor, state_of']),
        ({'inputs.4': {'tensor': 'rate'}}, 'inputs.4.kind',
         ['is missing', 'state_of, constant or size_of']),
        ({'inputs.0.dtype': None}, 'inputs.0.dtype', ['is missing', 'element type']),
        ({'inputs.0.tensor': None}, 'inputs.0.tensor', ['is missing', 'in the model file']),
        ({'inputs.4.constant': True}, 'inputs.4.constant', ['got True', 'a number']),
        ({'inputs.4.constant': 10**400}, 'inputs.4.constant', ['got inf', 'a finite number']),
        ({'inputs.5.order': 'xy'}, 'inputs.5.order', ["got 'xy'", 'one of hw, wh']),
        ({'inputs.0.encode': 3}, 'inputs.0.encode', ['got 3', 'a mapping']),
        ({'inputs.0': 'images'}, 'inputs.0', ["got 'images'", 'a mapping']),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence_at_its_key(
    changes: dict[str, Any], key: str, words: list[str]
) -> None:
    error = refusal(copy.deepcopy(changes))
    assert error.key == key
    for part in words:
        assert part in str(error), error
