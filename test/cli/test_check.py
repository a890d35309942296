from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import foreign_models
import hidden_weights
import numpy as np
import onnx_models
import pytest
import sensor_models
from model_folders import pin_files, read_manifest_document, write_manifest

from ml_integration.cli.main import main
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render
from ml_integration.deploy.loading import Loader
from ml_integration.errors import ModelLoadError
from ml_integration.exports.trying import sample_pictures
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


def refusal(folder: Path, capsys: Capture) -> str:
    assert main(['check', str(folder)]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith('ml_model: ')
    assert errors.count('\n') == 1
    return errors


def test_good_package_passes_every_step(model_folder: ModelFolder, capsys: Capture) -> None:
    assert main(['check', str(model_folder())]) == 0
    out, errors = capsys.readouterr()
    manifest, files, pipeline, pictures, golden = out.splitlines()
    assert manifest.startswith('ok  manifest: tiny_detector@1, object_detection, onnx')
    assert files.startswith('ok  files: 3 files, ')
    assert pipeline.startswith('ok  pipeline: images: float32[1, 3, 64, 64]; detections:')
    assert 'CPUExecutionProvider' in pipeline
    assert pictures.startswith('ok  pictures: 3 pictures, all valid; ')
    assert golden == 'ok  golden sample: reproduced'
    assert errors == ''


def test_check_as_json(model_folder: ModelFolder, store: Path, capsys: Capture) -> None:
    model_folder()
    assert main(['check', 'tiny_detector', '--json', '--store', str(store)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown['model'] == 'tiny_detector@1'
    assert [step['step'] for step in shown['steps']] == [
        'manifest',
        'files',
        'pipeline',
        'pictures',
    ]
    assert shown['findings'] == []


def test_package_without_a_golden_sample_passes_but_says_so(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    assert main(['check', str(model_folder(golden=False))]) == 0
    assert 'golden sample: none, so its results are unproven' in capsys.readouterr().out


def test_damaged_file_fails_after_the_steps_that_passed(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder()
    (folder / 'labels.txt').write_text('something else')
    assert main(['check', str(folder)]) == 1
    out, errors = capsys.readouterr()
    assert out.startswith('ok  manifest')
    assert 'files' not in out
    assert 'differing: labels.txt' in errors


def test_model_that_computes_something_else_fails_its_golden_sample(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder()
    with np.load(folder / 'golden.npz') as archive:
        arrays = dict(archive)
    arrays['output.detections'] += np.float32(0.5)
    np.savez(folder / 'golden.npz', **arrays)
    pin_files(folder)
    assert "'detections' differs from the golden sample" in refusal(folder, capsys)


def test_model_that_gives_nan_fails_its_golden_sample(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder()
    (folder / 'model.onnx').write_bytes(onnx_models.tiny_detector(spoiled=True))
    pin_files(folder)
    assert 'differs from the golden sample' in refusal(folder, capsys)


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('settings', {'decodr': 'yolo'}, "Did you mean 'decoder'?"),  # misspelled setting
        ('settings', {'score_threshold': 2.0}, "'score_threshold' is not valid; got 2.0"),
        ('task', 'telepathy', "there is no 'telepathy'"),
        ('format', 'abacus', "the engine 'onnx_runtime' opens onnx, the model is abacus"),
        ('settings', {'preprocess': {'color': 'rgb'}}, "move it to its 'encode'"),
        ('outputs', [{'tensor': 'boxes', 'dtype': 'float32', 'shape': [1, 16, 8]}],
         'boxes: float32[1, 16, 8]'),  # not what the file has
    ],
)  # fmt: skip
def test_manifest_that_does_not_fit_the_model_or_the_task_is_refused(
    model_folder: ModelFolder, key: str, value: object, words: str, capsys: Capture
) -> None:
    folder = model_folder()
    write_manifest(folder, {**read_manifest_document(folder), key: value})
    assert words in refusal(folder, capsys)


@pytest.mark.parametrize(
    ('model', 'words'),
    [
        (onnx_models.sequence_output(), "output 'y' is a seq(tensor(float))"),
        (onnx_models.identity(opset=999), 'newer ONNX'),
        (b'no model at all', 'not an ONNX model'),
    ],
)
def test_model_the_engine_refuses_is_explained(
    model_folder: ModelFolder, model: bytes, words: str, capsys: Capture
) -> None:
    folder = model_folder()
    (folder / 'model.onnx').write_bytes(model)
    pin_files(folder)
    assert words in refusal(folder, capsys)


@pytest.mark.parametrize('location', ['../outside/secret.bin', 'weights.bin'])
def test_weights_that_nobody_pinned_are_refused(
    location: str,
    model_folder: ModelFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    folder = model_folder()
    for file in (tmp_path / 'outside/secret.bin', tmp_path / 'here/weights.bin'):
        file.parent.mkdir()
        file.write_bytes(hidden_weights.WEIGHTS.tobytes())
    monkeypatch.chdir(tmp_path / 'here')
    model = hidden_weights.hidden('branch', hidden_weights.external(location))
    (folder / 'model.onnx').write_bytes(model)
    pin_files(folder)
    assert f"'{location}'" in refusal(folder, capsys)
    with pytest.raises(ModelLoadError, match='external weights'):
        Loader().load(read_package(folder, Trust('off')))


SIGMOID = {
    'decoder': 'boxes_and_scores',
    'decoder_options': {'box_format': 'cxcywh', 'normalized': True, 'activation': 'sigmoid'},
}
FOREIGN = {
    # A trained DETR has a softmax and a class of its own for nothing; a sigmoid sees 100 objects.
    'detr': (foreign_models.detr(), SIGMOID, 'it finds 100 objects in an empty gray picture'),
    'depth map': (foreign_models.depth(), {'decoder': 'yolov8'}, 'no box is larger than'),
    'segmentation': (
        foreign_models.segmentation(),
        {'decoder': 'yolov8'},
        'objects in an empty gray picture',
    ),
}


@pytest.mark.parametrize(('model', 'settings', 'words'), FOREIGN.values(), ids=FOREIGN)
def test_what_no_detector_gives_is_called_suspicious(
    model_folder: ModelFolder,
    model: bytes,
    settings: dict[str, object],
    words: str,
    capsys: Capture,
) -> None:
    folder = model_folder(model=model, settings=settings, labels=(), golden=False)
    assert main(['check', str(folder)]) == 0
    errors = capsys.readouterr().err
    assert 'warning: Suspicious: ' in errors
    assert words in errors
    assert main(['check', '--strict', str(folder)]) == 1


@pytest.mark.parametrize(
    ('model', 'decoder', 'kind'),
    [
        (foreign_models.pose(), 'yolov8', 'score_out_of_range'),
        (foreign_models.oriented_boxes(), 'end_to_end', 'box_without_area'),
    ],
    ids=['key points', 'oriented boxes'],
)
def test_model_whose_every_result_would_be_held_back_fails(
    model_folder: ModelFolder, model: bytes, decoder: str, kind: str, capsys: Capture
) -> None:
    folder = model_folder(model=model, settings={'decoder': decoder}, labels=(), golden=False)
    assert main(['check', str(folder)]) == 1
    errors = capsys.readouterr().err
    assert 'every result on 3 pictures would be held back' in errors.lower()
    assert f'({kind} on 3). astronaut.jpg: detection 0 has' in errors


@pytest.mark.parametrize(
    ('model', 'settings', 'words'),
    [
        (foreign_models.embedding(), {}, 'Their length is 1, as that of an embedding'),
        (foreign_models.embedding(), {'softmax': True}, 'a guess among 64 classes would score'),
        (onnx_models.classifier(softmax=True), {'softmax': True}, 'makes nearly equal'),
    ],
    ids=['embedding', 'embedding with softmax', 'softmax twice'],
)
def test_what_no_classifier_gives_is_called_suspicious(
    model_folder: ModelFolder,
    model: bytes,
    settings: dict[str, bool],
    words: str,
    capsys: Capture,
) -> None:
    folder = model_folder(
        model=model, task='classification', settings=settings, labels=(), golden=False
    )
    assert main(['check', '--strict', str(folder)]) == 1
    assert words in capsys.readouterr().err


def test_logits_without_a_softmax_are_told_from_a_broken_model(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder(model=onnx_models.classifier(), task='classification', settings={})
    assert main(['check', str(folder)]) == 1
    assert 'Does it need settings.softmax' in capsys.readouterr().err


def test_model_that_finds_nothing_passes_with_a_note(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    folder = model_folder(settings={'decoder': 'yolo', 'score_threshold': 1.0})
    assert main(['check', '--strict', str(folder)]) == 0
    assert 'note: Nothing was found on 3 pictures.' in capsys.readouterr().out


def test_detector_without_labels_is_warned_about(
    model_folder: ModelFolder, capsys: Capture
) -> None:
    assert main(['check', str(model_folder(labels=()))]) == 0
    assert 'warning: It has no labels' in capsys.readouterr().err


def test_sample_of_a_person_is_what_it_is_run_on(
    model_folder: ModelFolder, tmp_path: Path, capsys: Capture
) -> None:
    folder, pictures = str(model_folder()), tmp_path / 'pictures'
    pictures.mkdir()
    for name, gray in (('dark.png', 0), ('bright.png', 255)):
        cv2.imwrite(str(pictures / name), np.full((64, 64, 3), gray, np.uint8))
    assert main(['check', folder, '--sample', str(pictures)]) == 0
    assert 'ok  pictures: 2 pictures, all valid; 16 results' in capsys.readouterr().out
    assert main(['check', folder, '--sample', str(pictures / 'dark.png')]) == 0
    assert 'note: Nothing was found on 1 picture.' in capsys.readouterr().out


def test_sample_for_a_model_of_other_sensors_is_refused(store: Path, capsys: Capture) -> None:
    inputs = [sensor_models.IMAGES, {**sensor_models.JOINTS, **sensor_models.HELD}]
    model = sensor_models.picture_and_joints()
    folder = sensor_models.write_sensor_model(store, 'seen', model, inputs)
    assert main(['check', str(folder)]) == 0
    capsys.readouterr()
    picture = Path(sample_pictures.__file__).with_name('pictures') / 'cat.jpg'
    assert main(['check', str(folder), '--sample', str(picture)]) == 1
    assert 'cannot be tried on pictures alone' in capsys.readouterr().err


SHAPES = Path(__file__).parents[2] / 'models/shapes/2'


def test_wrong_preparation_is_warned_about_and_shown(tmp_path: Path, capsys: Capture) -> None:
    folder, seen = tmp_path / 'shapes/2', tmp_path / 'seen'
    shutil.copytree(SHAPES, folder)
    document = read_manifest_document(folder)
    document['inputs'][0]['encode']['scale'] = 255.0
    del document['golden']
    write_manifest(folder, document)
    (folder / 'golden.npz').unlink()
    pin_files(folder)
    frames = [render(make_scene(1000 + seed), 0.5) for seed in range(4)]
    np.save(tmp_path / 'scenes.npy', np.array(frames))
    sample = ['--sample', str(tmp_path / 'scenes.npy')]
    assert main(['check', str(folder), *sample, '--annotated', str(seen)]) == 0
    errors = capsys.readouterr().err
    assert (
        'warning: Pictures seem to be prepared wrongly: the declared way (bgr, pixels / 255'
        in (errors)
    )
    names = sorted(file.name for file in seen.iterdir())
    assert names == ['01.png', '02.png', '03.png', '04.png', 'preprocessing.png']
    assert main(['check', str(SHAPES), *sample, '--strict']) == 0


def test_folder_for_pictures_that_is_a_file_is_refused(
    model_folder: ModelFolder, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / 'file').write_text('')
    assert main(['check', str(model_folder()), '--annotated', str(tmp_path / 'file/x')]) == 1
    assert 'cannot be made: Not a directory' in capsys.readouterr().err
