"""An export is found in a file, folder or archive with its weights, or refused in a sentence."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from exports_made import ULTRALYTICS, claims_of, with_metadata
from hidden_weights import WEIGHTS, external, hidden
from odd_files import KINDS, put_odd

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.backends.onnx_runtime.options import takes_weights_from_memory
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ExportError
from ml_integration.exports.reading import source_files
from ml_integration.exports.reading.source import choose_model, open_source
from ml_integration.store.install.source_file import SourceLimits

MODEL = with_metadata(ULTRALYTICS)
FILE = WEIGHTS.tobytes()
CONFIG = b'{"architectures": ["ViTForImageClassification"]}'


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def packed(archive: Path, files: Mapping[str, bytes]) -> Path:
    """A .zip, or a .tar packed as its name says."""
    if archive.suffix == '.zip':
        with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as opened:
            for name, content in files.items():
                opened.writestr(name, content)
        return archive
    how = {'.tar': 'w:', '.xz': 'w:xz'}.get(archive.suffix, 'w:gz')
    with tarfile.open(archive, how) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def refusal(path: Path, model: str = '') -> str:
    with pytest.raises(ExportError) as caught:
        open_source(path, model)
    return str(caught.value)


def test_a_file_is_read_with_what_is_known_to_lie_beside_it(tmp_path: Path) -> None:
    beside = {'data.yaml': b'names: [a]', 'coco.names': b'a', 'notes.txt': b'x', 'b.onnx': b'y'}
    source = open_source(written(tmp_path, {'best.onnx': MODEL, **beside}) / 'best.onnx')
    assert source.content == MODEL
    assert source.export.model == 'best.onnx'
    assert set(source.export.files) == {'data.yaml', 'coco.names'}
    assert source.export.metadata == ULTRALYTICS
    assert source.export.label == str(tmp_path / 'best.onnx')
    assert claims_of(source.export).value('task') == 'object_detection'


def test_a_file_that_is_a_link_is_as_good(tmp_path: Path) -> None:
    link = tmp_path / 'link.onnx'
    link.symlink_to(written(tmp_path / 'far', {'best.onnx': MODEL}) / 'best.onnx')
    assert open_source(link).content == MODEL


def test_a_relative_path_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, {'onnx/model.onnx': MODEL, 'config.json': CONFIG})
    monkeypatch.chdir(tmp_path / 'onnx')
    for path in ('model.onnx', '../onnx/model.onnx', '..'):
        assert open_source(Path(path)).export.files == {'config.json': CONFIG}


@pytest.mark.parametrize('name', ['x.zip', 'x.tar', 'x.tar.gz', 'x.tgz', 'x.tar.xz', 'folder'])
def test_folders_and_archives_hold_the_same(name: str, tmp_path: Path) -> None:
    files = {
        'top/onnx/model.onnx': hidden('initializer', external('w/weights.bin')),
        'top/onnx/w/weights.bin': FILE,
        'top/onnx/model_fp16.onnx': b'other',
        'top/config.json': CONFIG,
        'top/tensors.bin': b'z' * 100,
    }
    made = written if name == 'folder' else packed
    source = open_source(made(tmp_path / name, files))
    assert source.export.model == 'top/onnx/model.onnx'
    assert source.external == {'w/weights.bin': FILE}
    assert source.export.files == {'top/config.json': CONFIG}
    assert source.alternatives == ('top/onnx/model_fp16.onnx',)


@pytest.mark.parametrize('location', ['best.onnx.data', './best.onnx.data', 'weights/best.bin'])
def test_weights_in_a_second_file_are_found_and_open_in_the_engine(
    location: str, tmp_path: Path
) -> None:
    model = hidden('initializer', external(location))
    source = open_source(written(tmp_path, {'best.onnx': model, location: FILE}) / 'best.onnx')
    assert source.external == {location.removeprefix('./'): FILE}
    if takes_weights_from_memory(onnxruntime):
        content = ModelContent(ModelIdentity('m', 1), source.content, source.external)
        outputs = (
            OnnxRuntime().open(content, ExecutionSettings()).run({'x': np.ones(3, np.float32)})
        )
        np.testing.assert_array_equal(outputs['y'], WEIGHTS + 1)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    model = hidden('initializer', external('best.onnx.data'))
    sentence = refusal(written(tmp_path, {'best.onnx': model}) / 'best.onnx')
    assert 'are in a second file, best.onnx.data, which is missing' in sentence


@pytest.mark.parametrize('location', ['../secret', '/etc/passwd', 'a/../../secret', 'a\x1bb'])
def test_no_model_chooses_a_file_outside_of_its_folder(location: str, tmp_path: Path) -> None:
    written(tmp_path, {'secret': FILE})
    folder = written(tmp_path / 'in', {'m.onnx': hidden('initializer', external(location))})
    assert 'outside of its folder' in refusal(folder / 'm.onnx')


@pytest.mark.parametrize('name', ['w.bin', 'config.json', 'm.onnx', 'sub'])
def test_links_in_a_folder_are_not_followed(name: str, tmp_path: Path) -> None:
    files = {'m.onnx': hidden('initializer', external('w.bin')), 'w.bin': FILE}
    if name == 'sub':
        files = {'m.onnx': hidden('initializer', external('sub/w.bin')), 'sub/w.bin': FILE}
    folder = written(tmp_path / 'in', {**files, 'config.json': CONFIG})
    (folder / name).rename(tmp_path / 'moved')
    (folder / name).symlink_to(tmp_path / 'moved')
    assert 'is a link, and links are not followed' in refusal(folder)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', ['m.onnx', 'classes.txt', 'w.bin'])
def test_what_is_no_regular_file_is_refused_at_once(kind: str, name: str, tmp_path: Path) -> None:
    files = {'m.onnx': hidden('initializer', external('w.bin')), 'w.bin': FILE}
    folder = written(tmp_path, files)
    put_odd(folder / name, kind)
    if name == 'classes.txt' and kind in ('folder', 'huge'):
        assert open_source(folder / 'm.onnx').export.files == {}
    else:
        refusal(folder / 'm.onnx')


@pytest.mark.parametrize(
    ('models', 'wanted', 'chosen'),
    [
        (['a/best.onnx'], '', 'a/best.onnx'),
        (['onnx/model.onnx', 'onnx/model_fp16.onnx', 'onnx/model_q4f16.onnx'], '',
         'onnx/model.onnx'),
        (['onnx/model.onnx', 'onnx/model_int8.onnx'], 'model_int8', 'onnx/model_int8.onnx'),
        (['onnx/model.onnx', 'onnx/model_int8.onnx'], 'onnx/model_int8.onnx',
         'onnx/model_int8.onnx'),
        (['onnx/model_quantized.onnx'], '', 'onnx/model_quantized.onnx'),
        (['best.onnx', 'best-fp16.onnx'], '', 'best.onnx'),
        (['encoder.onnx', 'model.onnx'], '', 'model.onnx'),
        (['m/1/model.onnx', 'm/12/model.onnx', 'm/3/model.onnx'], '', 'm/12/model.onnx'),
        (['a/model.onnx', 'b/model.onnx'], 'b/model.onnx', 'b/model.onnx'),
    ],
)  # fmt: skip
def test_the_plain_model_is_chosen_of_several(models: list[str], wanted: str, chosen: str) -> None:
    found, others = choose_model(models, wanted, 'it')
    assert found == chosen
    assert set(others) == set(models) - {chosen}


@pytest.mark.parametrize(
    ('models', 'wanted', 'sentence'),
    [
        (['a.onnx', 'b.onnx'], '', 'it holds 2 models: a.onnx, b.onnx'),
        (['model_fp16.onnx', 'model_int8.onnx'], '', 'it holds 2 models'),
        (['a/model.onnx', 'b/model.onnx'], 'model', 'it holds 2 models'),
        (['a.onnx'], 'b', "it holds no model 'b', but a.onnx"),
        ([], '', 'it holds no .onnx file'),
    ],
)
def test_an_unclear_choice_is_left_to_the_person(
    models: list[str], wanted: str, sentence: str
) -> None:
    with pytest.raises(ExportError) as caught:
        choose_model(models, wanted, 'it')
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'content', 'what', 'how'),
    [
        ('best.pt', b'PK\x03\x04', 'a PyTorch file', 'yolo export model=best.pt format=onnx'),
        ('best.onnx', b'PK\x03\x04' + bytes(99), 'a PyTorch file', 'yolo export'),
        ('best.engine', b'x', 'a TensorRT engine', 'Give the ONNX file'),
        ('best.tflite', b'x', 'a TensorFlow Lite model', 'tf2onnx.convert --tflite'),
        ('model.safetensors', b'x', 'only weights', 'optimum-cli export onnx'),
        ('model.xml', b'<x', 'an OpenVINO model', 'Export it as ONNX'),
        ('model.pkl', b'x', 'a Python pickle', 'skl2onnx'),
        ('m.onnx', b'version https://git-lfs.github.com/spec/v1\n', 'Git LFS', 'git lfs pull'),
        ('m.onnx', b'<!DOCTYPE html>', 'a web page', 'Download the file itself'),
        ('m.onnx', b'\x1c\0\0\0TFL3', 'a TensorFlow Lite model', 'tf2onnx'),
        ('m.onnx', b'', 'the file is empty', 'Export it again'),
        ('m.onnx', MODEL[:-9], 'no ONNX model, or it was cut off', 'Export or copy it again'),
        ('m.xyz', b'x', 'no ONNX model', 'Give an .onnx file'),
    ],
)
def test_what_is_no_onnx_model_is_named_with_the_way_to_one(
    name: str, content: bytes, what: str, how: str, tmp_path: Path
) -> None:
    sentence = refusal(written(tmp_path, {name: content}) / name)
    assert what in sentence
    assert how in sentence


def test_a_folder_without_a_model_says_what_is_there(tmp_path: Path) -> None:
    folder = written(tmp_path, {'weights/best.pt': b'x', 'config.json': CONFIG})
    assert 'no .onnx file; weights/best.pt is a PyTorch file' in refusal(folder)
    assert 'there is no such file or folder' in refusal(tmp_path / 'nothing.onnx')
    assert 'there is no such file or folder' in refusal(Path('https://example.org/best.onnx'))


@pytest.mark.parametrize('name', ['x.zip', 'x.tar', 'x.tar.gz', 'x.tar.xz'])
def test_damaged_archives_are_refused(name: str, tmp_path: Path) -> None:
    good = packed(tmp_path / name, {'m.onnx': MODEL}).read_bytes()
    for data in (b'', b'x' * 600, good[: min(700, len(good) // 2)]):
        (tmp_path / name).write_bytes(data)
        refusal(tmp_path / name)


def test_an_xz_that_wants_too_much_memory_is_refused(tmp_path: Path) -> None:
    filters = [{'id': lzma.FILTER_LZMA2, 'dict_size': 2**28, 'preset': 0}]
    file = packed(tmp_path / 'x.tar', {'m.onnx': MODEL})
    xz = tmp_path / 'y.tar.xz'
    xz.write_bytes(lzma.compress(file.read_bytes(), lzma.FORMAT_XZ, filters=filters))
    assert 'Memory usage limit' in refusal(xz)


def test_a_folder_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, 'LIMITS', SourceLimits(files=3))
    written(tmp_path, {f'{n}.txt': b'' for n in range(4)})
    assert 'it holds more than 3 entries' in refusal(tmp_path)


def test_an_archive_that_becomes_far_more_than_it_is_is_refused_while_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, 'MOST_UNPACKED', 2**20)
    bomb = tmp_path / 'best.zip'
    with zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('best.onnx', MODEL + bytes(2**23))
    with pytest.raises(ExportError, match='unpacks to more than 100 times its size'):
        open_source(bomb)
    with zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('best.onnx', MODEL)
        archive.writestr('other.bin', bytes(2**23))  # what is not wanted does not count
    assert open_source(bomb).content == MODEL
