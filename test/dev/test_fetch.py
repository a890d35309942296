"""The command a newcomer runs, on toy networks instead of packages of 66 and 36 MB."""

from __future__ import annotations

import hashlib
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_files import Network

from dev.models import fetch, mediapipe, tflite
from dev.models.darknet import convert
from dev.models.errors import FetchError
from dev.models.packages import CFG, DETECTOR, NAMES, WEIGHTS, Member, Package
from dev.models.registry import Say

CONV = '[convolutional]\nfilters=18\nsize=1\nactivation=linear\n'
YOLO = '[yolo]\nmask=0,1,2\nanchors=9,9, 3,5, 8,6, 2,7\nnum=4\nclasses=1\n'
ROUTE = '[route]\nlayers=0\n'
TOY_CFG = f'[net]\nwidth=8\nheight=8\nchannels=3\n{CONV}{YOLO}{ROUTE}{YOLO}'
TOY_WEIGHTS = struct.pack('<3iq', 0, 2, 0, 0) + np.linspace(-1, 1, 72).astype('<f4').tobytes()
VIDEO = b'moving pictures'
PICTURES = (b'portrait', b'left', b'disparities')
FACE = 'toy_face'


def converted() -> bytes:
    return convert(TOY_CFG, TOY_WEIGHTS, 'toy', fetch.HEAD_MASKS)


def toy_tflite() -> bytes:
    network = Network()
    network.tensor(1, 2, 2, 3, name='picture')
    network.step(19, 0, to=(1, 2, 2, 3))
    return network.content()


def member(name: str, content: bytes) -> Member:
    return Member(name, hashlib.sha256(content).hexdigest(), len(content))


def write_manifest(folder: Path, model: bytes) -> None:
    folder.mkdir(parents=True)
    digest = hashlib.sha256(model).hexdigest()
    pin = f'files:\n  model.onnx: {{sha256: {digest}, size: {len(model)}}}\n'
    (folder / 'manifest.yaml').write_text(pin, encoding='utf-8')


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder without its network, and a registry that has everything."""
    folder = tmp_path / 'models' / 'toy' / '1'
    write_manifest(folder, converted())
    (folder / 'labels.txt').write_text('thing\n', encoding='utf-8')
    write_manifest(tmp_path / 'models' / FACE / '1', tflite.convert(toy_tflite(), FACE))

    contents = {CFG: TOY_CFG.encode(), WEIGHTS: TOY_WEIGHTS, NAMES: b'thing'}
    video, face = member('clips/toy.avi', VIDEO), member('nets/toy.tflite', toy_tflite())
    pictures = tuple(member(f'pair/{number}', one) for number, one in enumerate(PICTURES))
    contents |= {video: VIDEO, face: toy_tflite(), **dict(zip(pictures, PICTURES, strict=True))}

    def package(*members: Member) -> Package:
        return Package('toys', '1.0', '0' * 64, 1, (), members)

    def members_of(package: Package, say: Say) -> dict[Member, Path]:
        files = {}
        for member in package.members:
            files[member] = tmp_path / Path(member.path).name
            files[member].write_bytes(contents[member])
        return files

    for module in (fetch, mediapipe):
        monkeypatch.setattr(module, 'members_of', members_of)
    monkeypatch.setattr(fetch, 'STORE', tmp_path / 'models')
    monkeypatch.setattr(fetch, 'MODEL_FOLDER', folder)
    monkeypatch.setattr(fetch, 'VIDEO_FOLDER', tmp_path / 'data')
    monkeypatch.setattr(fetch, 'VIDEOS', {'vtest': package(video)})
    monkeypatch.setattr(fetch, 'PICTURES', package(*pictures))
    monkeypatch.setattr(fetch, 'MEDIAPIPE_MODELS', {FACE: face})
    monkeypatch.setattr(mediapipe, 'MEDIAPIPE', package(face))
    return folder


def test_the_first_call_makes_models_video_and_pictures(checkout: Path) -> None:
    assert fetch.main([]) == 0
    assert (checkout / 'model.onnx').read_bytes() == converted()
    made = fetch.STORE / FACE / '1' / 'model.onnx'
    assert made.read_bytes() == tflite.convert(toy_tflite(), FACE)
    assert fetch.demo_video().read_bytes() == VIDEO
    seen = sorted(file for file in fetch.VIDEO_FOLDER.iterdir() if file != fetch.demo_video())
    assert tuple(file.read_bytes() for file in seen) == PICTURES


def test_the_second_call_says_so_in_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch.main([])
    capsys.readouterr()
    assert fetch.main([]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith('fetch: models, video and pictures already in place and checked')


@pytest.mark.parametrize('name', ['toy', FACE])
def test_a_spoiled_model_is_made_anew(checkout: Path, name: str) -> None:
    fetch.main([])
    model = fetch.STORE / name / '1' / 'model.onnx'
    good = model.read_bytes()
    model.write_bytes(good[:-1] + b'?')
    assert fetch.main([]) == 0
    assert model.read_bytes() == good


@pytest.mark.parametrize('name', ['toy', FACE])
def test_a_model_that_does_not_fit_the_manifest_is_not_written(
    checkout: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = fetch.STORE / name / '1'
    pin = f'files: {{model.onnx: {{sha256: {"0" * 64}, size: 9}}}}\n'
    (folder / 'manifest.yaml').write_text(pin, encoding='utf-8')
    assert fetch.main([]) == 1
    assert f'{name}/1/model.onnx as converted: wrong content' in capsys.readouterr().err
    assert not (folder / 'model.onnx').exists()


def test_a_network_that_cannot_be_converted_is_an_error_with_the_reason(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, 'MEDIAPIPE_MODELS', {FACE: NAMES})
    monkeypatch.setattr(mediapipe, 'MEDIAPIPE', replace(DETECTOR, members=(NAMES,)))
    assert fetch.main([]) == 1
    assert 'this is not a TensorFlow Lite model' in capsys.readouterr().err


@pytest.mark.parametrize('text', ['', 'files: {}', 'files: {model.onnx: {size: 9}}', 'a: [', '-'])
def test_a_manifest_without_the_pin_is_named(
    checkout: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (checkout / 'manifest.yaml').write_text(text)
    assert fetch.main([]) == 1
    error = capsys.readouterr().err
    assert f'{checkout / "manifest.yaml"}: files: model.onnx: expected sha256 and size' in error


def test_other_labels_than_the_networks_own_are_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / 'labels.txt').write_text('gadget\n')
    assert fetch.main([]) == 1
    assert 'labels.txt: differs from' in capsys.readouterr().err


@pytest.mark.parametrize('converter', ['darknet', 'tflite'])
def test_without_onnx_the_error_says_what_to_install(
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    converter: str,
) -> None:
    monkeypatch.setitem(sys.modules, f'dev.models.{converter}', None)
    assert fetch.main([]) == 1
    assert 'pip install onnx' in capsys.readouterr().err


def test_a_video_that_is_not_there_yet_is_an_error_with_the_command(checkout: Path) -> None:
    with pytest.raises(FetchError, match=r'run: python -m dev\.models\.fetch'):
        fetch.demo_video()
