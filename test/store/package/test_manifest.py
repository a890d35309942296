from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ml_integration.core.datatypes import ModelIdentity, TensorSpec
from ml_integration.core.inputs import SensorInput, Trigger
from ml_integration.errors import ManifestError
from ml_integration.store.package.manifest import FilePin, Limits, parse_manifest

FILE = Path('store/detector/3/manifest.yaml')
DIGEST = '0123456789abcdef' * 4
GOOD = f"""\
schema: 2
name: detector
version: 3
description: finds things
task: object_detection
format: onnx
license: MIT
origin: here
files:
  model.onnx: {{sha256: {DIGEST}, size: 12}}
  labels.txt: {{sha256: {DIGEST}, size: 3}}
  golden.npz: {{sha256: {DIGEST}, size: 4}}
  data/weights.bin: {{sha256: {DIGEST}, size: 5}}
model: model.onnx
labels: labels.txt
golden: golden.npz
inputs:
  - {{tensor: images, kind: image, topic: image, dtype: float32, shape: [null, 3, 416, 416]}}
outputs:
  - {{tensor: detections, dtype: float32, shape: [1, 2535, 85]}}
settings: {{decoder: yolov5, letterbox: {{fill: 114}}}}
limits: {{latency_ms: 100}}
release: 7
encryption: {{algorithm: aes-256-gcm, files: [model.onnx]}}
"""
REQUIRED = ('schema', 'name', 'version', 'task', 'format', 'files', 'model', 'inputs', 'outputs')


def good() -> dict[str, Any]:
    document = yaml.safe_load(GOOD)
    assert isinstance(document, dict)
    return document


def refusal(text: str | bytes) -> str:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text.encode() if isinstance(text, str) else text, FILE)
    message = str(caught.value)
    assert message.startswith(f'{FILE}: ')
    assert '\n' not in message
    return message


def test_the_digest_is_that_of_the_very_bytes() -> None:
    manifest = parse_manifest(GOOD.encode(), FILE)
    assert manifest.digest == hashlib.sha256(GOOD.encode()).hexdigest()
    pinned_otherwise = GOOD.replace('size: 12', 'size: 13').encode()
    others = (GOOD.encode() + b'#', pinned_otherwise)
    assert manifest.digest not in [parse_manifest(other, FILE).digest for other in others]


def test_every_key_of_a_manifest_arrives() -> None:
    manifest = parse_manifest(GOOD.encode(), FILE)
    assert manifest.identity == ModelIdentity('detector', 3, DIGEST)
    assert (manifest.task, manifest.format) == ('object_detection', 'onnx')
    assert (manifest.description, manifest.license, manifest.origin) == (
        'finds things', 'MIT', 'here',
    )  # fmt: skip
    assert manifest.files['model.onnx'] == FilePin(DIGEST, 12)
    assert (manifest.model, manifest.labels, manifest.golden) == (
        'model.onnx', 'labels.txt', 'golden.npz',
    )  # fmt: skip
    assert manifest.external == ('data/weights.bin',)
    spec = TensorSpec('images', 'float32', (None, 3, 416, 416))
    assert manifest.inputs == manifest.sensor_inputs == (SensorInput(spec, 'image', 'image'),)
    assert manifest.trigger == Trigger('images')
    assert manifest.outputs == (TensorSpec('detections', 'float32', (1, 2535, 85)),)
    assert manifest.settings == {'decoder': 'yolov5', 'letterbox': {'fill': 114}}
    assert manifest.limits == Limits(100.0)
    assert (manifest.release, manifest.encrypted) == (7, ('model.onnx',))


def test_what_is_optional_may_be_left_out() -> None:
    document = {key: value for key, value in good().items() if key in REQUIRED}
    manifest = parse_manifest(yaml.safe_dump(document).encode(), FILE)
    assert (manifest.labels, manifest.golden, manifest.settings) == (None, None, {})
    assert manifest.limits.latency_ms is None
    assert (manifest.release, manifest.encrypted) == (0, ())


@pytest.mark.parametrize('key', REQUIRED)
def test_key_that_is_missing_is_named(key: str) -> None:
    document = good()
    del document[key]
    assert f"manifest.yaml: '{key}' is missing. " in refusal(yaml.safe_dump(document))


@pytest.mark.parametrize(
    ('data', 'sentence'),
    [
        (b'', 'manifest.yaml: it is empty, not a mapping of keys'),
        (b'- a', 'manifest.yaml: it is a list, not a mapping of keys'),
        (b'text', 'manifest.yaml: it is a single value, not a mapping of keys'),
        (b'a: [1', 'manifest.yaml: line 1 is no plain YAML: expected'),
        (b'\x00', 'manifest.yaml: it is no plain YAML: '),
        (b'#' * 2**21, 'manifest.yaml: it is too large: 2097152 bytes; expected at most 1048576'),
    ],
)
def test_what_is_no_mapping_is_said_as_a_person_would(data: bytes, sentence: str) -> None:
    assert sentence in refusal(data)


@pytest.mark.parametrize(
    ('old', 'new', 'expected'),
    [
        ('task:', 'tsk:', ["'tsk'", "got 'object_detection'", "Did you mean 'task'?"]),
        ('kind:', 'knid:', ["'inputs.0.knid'", "Did you mean 'kind'?"]),
        ('latency_ms', 'latency', ["'limits.latency'", "Did you mean 'latency_ms'?"]),
        ('schema: 2', 'schema: 3', ["'schema'", 'got 3', 'expected 2']),
        ('version: 3', 'version: 0', ["'version'", 'got 0', 'expected >= 1']),
        ('version: 3', 'version: true', ["'version'", 'got True', 'expected a whole number']),
        ('version: 3', 'version: latest', ["'version'", "got 'latest'", 'a whole number']),
        ('name: detector', 'name: ../up', ["'name'", "got '../up'", 'lower-case letters']),
        ('name: detector', 'name: Detector', ["'name'", "got 'Detector'"]),  # capital letter
        ('name: detector', 'name: "a\\n"', ["'name'"]),  # '$' of re matches before a line break
        ('task: object', 'task: ./object', ["'task'", 'lower-case letters']),  # no path
        ('float32, shape: [1,', 'float33, shape: [1,', ["'outputs.0.dtype'", 'one of float16']),
        ('[1, 2535', '[1, 0', ["'outputs.0.shape.1'", 'got 0', '>= 1']),
        ('[1, 2535', '[1, many', ["'outputs.0.shape.1'", "got 'many'", 'a whole number or null']),
        ('shape: [1, 2535, 85]', 'shape: 3', ["'outputs.0.shape'", 'expected a list']),
        (DIGEST, DIGEST[:-1], ["'files.model.onnx.sha256'", '64 lower-case hex digits']),
        (DIGEST, DIGEST.upper(), ["'files.model.onnx.sha256'", '64 lower-case hex digits']),
        ('size: 12', 'size: -1', ["'files.model.onnx.size'", 'got -1', '>= 0']),
        ('latency_ms: 100', 'latency_ms: 0', ["'limits.latency_ms'", '> 0', '[ms]']),
        ('latency_ms: 100', 'latency_ms: .nan', ["'limits.latency_ms'", 'finite']),
        ('latency_ms: 100', 'latency_ms: .inf', ["'limits.latency_ms'", 'finite']),
        ('latency_ms: 100', f'latency_ms: {10**400}', ["'limits.latency_ms'", 'finite']),
        ('model: model.onnx', 'model: m.onnx', ["'model'", "got 'm.onnx'", 'model.onnx']),
        ('labels: labels', 'labels: names', ["'labels'", "got 'names.txt'"]),  # not in files
        ('golden: golden', 'golden: g', ["'golden'", "got 'g.npz'"]),  # not in files
        ('settings: {decoder: yolov5, letterbox: {fill: 114}}', 'settings: 3', ['a mapping']),
        ('topic: image', 'topic: /a b', ["'inputs.0.topic'"]),  # no topic name
        ('release: 7', 'release: -1', ["'release'", 'got -1', '>= 0']),
        ('release: 7', 'release: 1.5', ["'release'", 'got 1.5', 'a whole number']),
        ('aes-256-gcm', 'rot13', ["'encryption.algorithm'", 'expected aes-256-gcm']),
        ('[model.onnx]', '[m.onnx]', ["'encryption.files'", "got 'm.onnx'"]),  # not in files
        ('[model.onnx]', '[model.onnx, model.onnx]', ["'encryption.files'", 'each name once']),
        ('[model.onnx]', '[]', ["'encryption.files'", 'at least 1']),
        ('task: object_detection', 'task: [', ['line 7 is no plain YAML']),  # not YAML
        ('task:', 'name: again\ntask:', ["line 5 is no plain YAML: 'name' is given twice"]),
        ('{fill: 114}', '{fill: 1, fill: 2}', ["'fill' is given twice"]),  # ... inside settings
        ('{fill: 114}', '&x {fill: 1}\nmore: *x', ['plain YAML']),  # alias
        ('license: MIT', 'license: !!python/name:os.system', ['plain YAML']),  # no code
        ('schema: 2', '? [1]\n: 2', ['a key is not text']),  # a list as key
    ],
)  # fmt: skip
def test_wrong_manifest_names_key_value_and_what_is_right(
    old: str, new: str, expected: list[str]
) -> None:
    assert old in GOOD
    message = refusal(GOOD.replace(old, new, 1))
    for words in expected:
        assert words in message, message


@pytest.mark.parametrize(
    'name',
    ['/etc/passwd', '../model.onnx', 'a/../b', './a', 'a//b', 'a\\b', '.hidden', 'a/', '',
     'manifest.yaml', 'manifest.sig', 'a\n'],
)  # fmt: skip
def test_file_name_that_leaves_the_folder_or_hides_is_refused(name: str) -> None:
    document = good()
    document['files'][name] = {'sha256': DIGEST, 'size': 1}
    assert "'files'" in refusal(yaml.safe_dump(document))


@pytest.mark.parametrize(
    ('key', 'field'),
    [('inputs', 'tensor'), ('inputs', 'topic'), ('outputs', 'tensor')],
)
def test_names_that_have_to_differ_must_differ(key: str, field: str) -> None:
    document = good()
    twin = copy.deepcopy(document[key][0])
    for other in {'tensor', 'topic'} & {*twin} - {field}:
        twin[other] = 'another'
    document[key].append(twin)
    assert 'each name once' in refusal(yaml.safe_dump(document))


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'3',
        b'- a',
        b'a: !!bool maybe',
        b'a: !!int ""',
        b'a: !!timestamp x',
        b'\xff\xfe\x00',
        b'\x00',
        b'[' * 1500,
        b'a: ' + b'9' * 5000,
    ],
)
def test_bytes_that_are_no_manifest_are_a_manifest_error(data: bytes) -> None:
    refusal(data)


@given(st.data())
def test_no_damage_to_a_manifest_escapes_as_another_error(data: st.DataObject) -> None:
    content = bytearray(GOOD.encode())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=8))
    try:
        manifest = parse_manifest(bytes(content), FILE)
    except ManifestError:
        return
    assert manifest.model in manifest.files
    assert manifest.version >= 1


@given(st.sampled_from(REQUIRED), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*good(), 'x']), inner),
    max_leaves=10,
))  # fmt: skip
def test_any_yaml_in_place_of_a_key_is_accepted_or_a_manifest_error(key: str, value: Any) -> None:
    try:
        parse_manifest(yaml.safe_dump({**good(), key: value}).encode(), FILE)
    except ManifestError as error:
        assert str(FILE) in str(error)


def test_a_manifest_of_schema_1_is_told_how_to_become_one_of_schema_2() -> None:
    old = {'schema': 1, 'name': 'old', 'backend': 'onnx_runtime', 'licence': 'MIT'}
    message = refusal(yaml.safe_dump(old))
    assert "'schema' is not valid; got 1; expected 2" in message
    assert 'ml_model inspect model.onnx' in message
    for words in ('backend: onnx_runtime to format: onnx', 'name to tensor', 'sensor to kind'):
        assert words in message
