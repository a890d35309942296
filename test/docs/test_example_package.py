"""The package of docs/examples is found once it is installed, and its plug-ins run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from model_folders import pin_files, read_manifest_document, write_manifest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / 'docs/examples/range_guard'
PACKAGE = EXAMPLE / 'models/stop_or_go/1'
LIMIT_S = 100

SERVE = """
import json, sys
from pathlib import Path
from types import SimpleNamespace as Message
from ml_integration.core.arrivals import of_one
from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.loading import Loader
from ml_integration.errors import FrameError
from ml_integration.store.package.package import read_package

settings = ExecutionSettings(engine=sys.argv[2])
pipeline = Loader(settings).load(read_package(Path(sys.argv[1])))
for nearest, range_max in ((0.5, 4.0), (2.0, 4.0), (0.5, -1.0)):
    ranges = [float('inf')] * 7 + [nearest]
    scan = Message(header=Message(frame_id='laser'), ranges=ranges, range_max=range_max)
    try:
        prediction = pipeline.run(of_one('scan', scan))
    except FrameError as error:
        print(json.dumps(str(error)))
        continue
    sent = pipeline.task.encode(prediction, scan.header, lambda name: Message)
    print(json.dumps([prediction.verdict.ok, {topic: message.data for topic, message in sent}]))
"""
DECODE = """
import numpy as np
from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.ops import decoders
model = ModelDescription(ModelIdentity('m', 1), ('a', 'b'), (), (
    TensorSpec('boxes', 'float32', (1, 3, 6)),))
decoder = decoders.load('corner_boxes')(model, (64, 64), decoders.DecoderOptions())
rows = [[1, 2, 3, 4, .9, 1], [5, 5, 5, 5, .1, 0], [0, 0, 1, 1, float('nan'), 0]]
found = decoder({'boxes': np.array([rows], np.float32)}, 0.5)
print(found.xyxy.tolist(), found.class_ids.tolist())
"""
READ = """
from ml_integration.core import plugins
from ml_integration.errors import ExportError
from ml_integration.exports.export import Export
card = plugins.load('exports.formats', 'model_card')()
text = b'{"does": "object_detection", "license": "CC0-1.0", "summary": 3}'
claims = card.read(Export('here', 'm.onnx', {'model_card.json': text}))
print([(claim.key, claim.value, claim.source) for claim in claims])
assert not card.read(Export('here', 'm.onnx'))
for text in (b'[1]', b'{', b'\\xff'):
    try:
        card.read(Export('here', 'm.onnx', {'model_card.json': text}))
    except ExportError as error:
        print(error)
"""


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example as pip installs it; nothing is fetched."""
    folder = tmp_path_factory.mktemp('example')
    source = shutil.copytree(EXAMPLE, folder / 'source')  # the build leaves files there
    words = ['--no-deps', '--no-build-isolation', '--no-index', '--disable-pip-version-check']
    subprocess.run(
        [sys.executable, '-m', 'pip', 'install', *words, '--target', folder / 'target', source],
        check=True, capture_output=True, timeout=LIMIT_S,
    )  # fmt: skip
    return folder / 'target'


def run(installed: Path, *words: str | Path) -> str:
    """What a program says that has the example on its path."""
    paths = (str(installed), os.environ.get('PYTHONPATH', ''))
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=LIMIT_S, check=False,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_of_the_examples_task_and_sensor_passes_check(installed: Path) -> None:
    said = run(installed, '-m', 'ml_integration.cli.main', 'check', PACKAGE)
    assert 'stop_or_go@1, collision_risk, onnx' in said
    assert 'scan: float32[1, 8]; risk: float32[1, 1]' in said


def test_the_model_turns_scans_into_messages(installed: Path) -> None:
    near, far, refused = map(
        json.loads, run(installed, '-c', SERVE, PACKAGE, 'onnx_runtime').splitlines()
    )
    assert near == [True, {'risk': pytest.approx(0.8808, abs=1e-3), 'stop': True}]
    assert far == [True, {'risk': pytest.approx(0.018, abs=1e-3), 'stop': False}]
    assert refused == ("message field 'range_max' is not valid; got -1.0; expected more than 0 m")


def test_its_engine_opens_its_own_format(installed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(PACKAGE, tmp_path / 'stop_or_go/1')
    (folder / 'model.onnx').unlink()
    np.savez(folder / 'layer.npz', weights=np.full((8, 1), -0.1), bias=np.array([2.8]))
    changed = {'format': 'one_layer', 'model': 'layer.npz'}
    write_manifest(folder, {**read_manifest_document(folder), **changed})
    pin_files(folder)
    near, *_ = map(json.loads, run(installed, '-c', SERVE, folder, 'one_layer').splitlines())
    assert near == [True, {'risk': pytest.approx(0.4875, abs=1e-3), 'stop': False}]


def test_its_decoder_reads_boxes(installed: Path) -> None:
    expected = '[[1.0, 2.0, 4.0, 6.0], [0.0, 0.0, 1.0, 1.0]] [1, 0]\n'
    assert run(installed, '-c', DECODE) == expected


def test_its_export_format_says_where_each_claim_is_from(installed: Path) -> None:
    claims, *errors = run(installed, '-c', READ).splitlines()
    assert claims == str([
        ('task', 'object_detection', 'model_card.json: does'),
        ('license', 'CC0-1.0', 'model_card.json: license'),
    ])  # fmt: skip
    assert len(errors) == 3
    assert errors[0] == 'here: model_card.json holds no names and values'


def test_the_model_is_what_its_script_makes() -> None:
    make_model = EXAMPLE / 'make_model.py'
    scope: dict[str, object] = {'__file__': str(make_model), '__name__': 'make_model'}
    exec(compile(make_model.read_text(), make_model, 'exec'), scope)
    made = scope['model']().SerializeToString()  # type: ignore[operator]
    assert made == (PACKAGE / 'model.onnx').read_bytes()
