"""`ml_model add`: from an export to an installed model that a node can serve."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnx_models
import pytest
from altered_models import Endless, endless_detector

from ml_integration import cli
from ml_integration.cli import add, asking
from ml_integration.cli.main import main
from ml_integration.core.inputs import SensorInput
from ml_integration.exports.trying import trial
from ml_integration.store.package.package import read_package
from ml_integration.store.state.places import data_home, user_store

Capture = pytest.CaptureFixture[str]
ROOT = Path(cli.__file__).parents[2]
BLAZEFACE = ROOT / 'models/mediapipe_face_detector/1/model.onnx'
PORTRAIT = ROOT / 'dev/data/astronaut.png'


def with_metadata(model: bytes, **metadata: str) -> bytes:
    loaded = onnx.load_from_string(model)
    for key, value in metadata.items():
        loaded.metadata_props.add(key=key, value=value)
    data: bytes = loaded.SerializeToString()
    return data


DETECTOR = onnx_models.tiny_detector()
TOLD = with_metadata(
    DETECTOR,
    names="{0: 'red', 1: 'green', 2: 'blue'}",
    task='detect',
    imgsz='[64, 64]',
    stride='32',
    author='Ultralytics',
    license='AGPL-3.0',
)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that everything is run in, with a sample of red squares."""
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))  # for pictures of what is open
    folder = tmp_path / 'work'
    folder.mkdir()
    monkeypatch.chdir(folder)
    picture = np.full((96, 128, 3), 20, np.uint8)
    picture[32:64, 32:64] = (0, 0, 255)
    cv2.imwrite(str(folder / 'red.png'), picture)
    return folder


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(arguments)
    return (status, *capsys.readouterr())


def added(capsys: Capture, *arguments: str) -> dict[str, Any]:
    status, out, errors = run(capsys, 'add', *arguments, '--json')
    assert status == 0, errors
    document = json.loads(out)
    assert isinstance(document, dict)
    return document


def files_below(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file()}


def test_an_export_that_says_all_is_added_without_a_question(capsys: Capture, work: Path) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    document = added(capsys, 'best.onnx', '--sample', 'red.png')
    assert document['model'] == 'best@1'
    package = read_package(user_store() / 'best' / '1')
    assert package.labels == ('red', 'green', 'blue')
    assert package.manifest.license == 'AGPL-3.0'
    assert package.golden is not None
    assert sum(document['results']) > 0
    assert main(['check', 'best']) == 0


def test_every_key_of_the_manifest_says_where_it_comes_from(capsys: Capture, work: Path) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    claims = {one['key']: one for one in added(capsys, 'best.onnx')['claims']}
    assert claims['labels']['origin'] == 'embedded metadata'
    assert claims['settings.decoder']['origin'] == 'run on the sample'
    assert claims['encode.layout']['origin'] == 'shapes'
    assert claims['name']['origin'] == 'default'
    assert all(one['origin'] and one['source'] for one in claims.values())
    assert len(claims) == len(added(capsys, 'best.onnx')['claims'])
    text = (user_store() / 'best' / '1' / 'manifest.yaml').read_text()
    keys = {line.split(':')[0] for line in text.splitlines() if line[:1].isalpha()}
    silent = {'schema', 'model'}  # the format's own version, and a name that is always the same
    assert keys - silent <= {key.split('.')[0] for key in claims}
    assert '# embedded metadata: ' in text


def test_what_was_only_guessed_ends_with_the_flags_that_answer_it(
    capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(DETECTOR)
    status, out, errors = run(capsys, 'add', 'best.onnx')
    assert status == add.OPEN_QUESTIONS
    assert 'encode.color' in out and 'a guess' in out
    proposed = next(line for line in errors.splitlines() if 'proposed: ' in line)
    assert '--set encode.color=rgb' in proposed
    assert not user_store().exists()
    flags = proposed.split('proposed: ')[1].split('  (')[0].split(' (')[0]
    answer = [word.strip("'") for word in flags.replace('--set ', '\n').split('\n')[1:]]
    arguments = [part for text in answer for part in ('--set', text.strip().strip("'"))]
    assert added(capsys, 'best.onnx', *arguments)['model'] == 'best@1'


def test_open_questions_are_data_too(capsys: Capture, work: Path) -> None:
    (work / 'best.onnx').write_bytes(DETECTOR)
    status, out, _ = run(capsys, 'add', 'best.onnx', '--json')
    assert status == add.OPEN_QUESTIONS
    (question,) = json.loads(out)['open']
    assert question['key'] == 'encode'
    assert len(question['answers']) > 1


def test_a_person_at_a_terminal_chooses(
    capsys: Capture, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / 'best.onnx').write_bytes(DETECTOR)
    monkeypatch.setattr(add, 'is_terminal', lambda: True)
    answers = iter(['what?', '3'])
    monkeypatch.setattr('builtins.input', lambda prompt: next(answers))
    status, out, errors = run(capsys, 'add', 'best.onnx')
    assert status == 0, errors
    (source,) = read_package(user_store() / 'best' / '1').manifest.sensor_inputs
    assert source.encode['color'] == 'bgr'
    assert 'command line: answered' in out


def test_an_end_of_input_at_a_question_leaves_nothing_behind(
    capsys: Capture, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(prompt: str) -> str:
        raise EOFError

    (work / 'best.onnx').write_bytes(DETECTOR)
    monkeypatch.setattr(add, 'is_terminal', lambda: True)
    monkeypatch.setattr('builtins.input', end)
    assert run(capsys, 'add', 'best.onnx')[0] == 130
    assert not data_home().exists()


def test_yes_takes_the_proposals_and_says_so(capsys: Capture, work: Path) -> None:
    (work / 'best.onnx').write_bytes(DETECTOR)
    status, out, _ = run(capsys, 'add', 'best.onnx', '--yes', '--name', 'colors')
    assert status == 0
    assert 'proposal taken by --yes' in out
    assert 'model:=colors@1 image_topic:=' in out
    assert '/inference_node/overlay' in out


@pytest.mark.skipif(not PORTRAIT.exists(), reason=f'{PORTRAIT} is not fetched')
@pytest.mark.skipif(not BLAZEFACE.exists(), reason=f'{BLAZEFACE} is not fetched')
def test_a_real_detector_of_faces_is_known_by_its_anchors(capsys: Capture) -> None:
    document = added(capsys, str(BLAZEFACE), '--name', 'faces', '--sample', str(PORTRAIT), '--yes')
    assert document['results'] == [1]
    package = read_package(user_store() / 'faces' / '1')
    assert package.labels == ('face',)
    assert package.manifest.task == 'keypoints'
    assert package.manifest.settings['keypoint_names'][:2] == ['right_eye', 'left_eye']
    picture = package.manifest.inputs[0]
    assert isinstance(picture, SensorInput)
    expected = {'mean': [0.5] * 3, 'std': [0.5] * 3, 'pad_value': 0.0, 'resize': 'letterbox'}
    assert {key: picture.encode[key] for key in expected} == expected


def test_the_next_version_is_chosen_and_the_same_content_is_installed_once(
    capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    assert added(capsys, 'best.onnx')['new']
    again = added(capsys, 'best.onnx')
    assert (again['model'], again['new']) == ('best@1', False)
    (work / 'best.onnx').write_bytes(with_metadata(TOLD, comment='trained for longer'))
    other = added(capsys, 'best.onnx')
    assert (other['model'], other['new']) == ('best@2', True)


def test_the_picture_shows_the_boxes(capsys: Capture, work: Path) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    added(capsys, 'best.onnx', '--sample', 'red.png', '--picture', 'seen.png')
    before, after = (cv2.imread(name) for name in ('red.png', 'seen.png'))
    assert before is not None and after is not None
    assert np.abs(before.astype(int) - after).max() > 100


def test_a_picture_that_is_there_is_not_written_over(capsys: Capture, work: Path) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    before = (work / 'red.png').read_bytes()
    status, _, errors = run(capsys, 'add', 'best.onnx', '--picture', 'red.png')
    assert status == 1 and 'red.png: there is something already' in errors
    assert (work / 'red.png').read_bytes() == before
    assert not user_store().exists()


@onnx_models.takes_external_weights
@pytest.mark.parametrize('location', ['best.onnx.data', './best.onnx.data'])
def test_weights_beside_the_model_are_packed_with_it(
    location: str, capsys: Capture, work: Path
) -> None:
    model = onnx.load_from_string(TOLD)
    # Sizes of shapes stay inside: the engine wants to know them early.
    onnx.save_model(
        model, 'best.onnx', save_as_external_data=True, location=location, size_threshold=100
    )
    added(capsys, 'best.onnx')
    package = read_package(user_store() / 'best' / '1')
    assert package.manifest.external == ('best.onnx.data',)


def test_an_archive_is_read_as_a_folder_is(capsys: Capture, work: Path) -> None:
    with zipfile.ZipFile('export.zip', 'w') as archive:
        archive.writestr('weights/best.onnx', DETECTOR)
        archive.writestr('classes.txt', 'red\ngreen\nblue\n')
    document = added(capsys, 'export.zip', '--yes')
    assert document['model'] == 'export@1'
    assert read_package(Path(document['directory'])).labels == ('red', 'green', 'blue')


@pytest.mark.parametrize(
    ('name', 'content', 'words'),
    [
        ('best.pt', b'PK', 'PyTorch'),
        ('best.onnx', b'', 'the file is empty'),
        ('best.onnx', DETECTOR[:-9], 'cut off'),
        ('best.onnx', onnx_models.identity(), 'looks like a picture'),
        ('best.zip', b'PK\x03\x04 nonsense', 'best.zip'),
        ('best.onnx', onnx_models.tiny_detector(spoiled=True), 'best.onnx'),
    ],
)
def test_what_cannot_be_added_is_one_sentence_and_leaves_nothing(
    name: str, content: bytes, words: str, capsys: Capture, work: Path
) -> None:
    (work / name).write_bytes(content)
    status, out, errors = run(capsys, 'add', name, '--yes')
    assert (status, out) == (1, '')
    assert words in errors and errors.count('\n') == 1 and 'fault of ml_model' not in errors
    assert not data_home().exists()
    assert files_below(work) == {name, 'red.png'}


def taking(element: int, shape: list[int]) -> bytes:
    """A classifier that takes a tensor of any type and shape, and does not look at it."""
    nodes = [
        onnx.helper.make_node('Cast', ['images'], ['floats'], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node('ReduceMean', ['floats'], ['mean'], keepdims=0),
        onnx.helper.make_node('Mul', ['mean', 'nothing'], ['zeros']),
        onnx.helper.make_node('Add', ['zeros', 'fixed'], ['scores']),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        'graph',
        [onnx.helper.make_tensor_value_info('images', element, shape)],
        [onnx.helper.make_tensor_value_info('scores', onnx.TensorProto.FLOAT, [1, 3])],
        [
            onnx.numpy_helper.from_array(np.array([[0.1, 0.2, 0.7]], np.float32), 'fixed'),
            onnx.numpy_helper.from_array(np.zeros((1, 3), np.float32), 'nothing'),
        ],
    )
    opsets = [onnx.helper.make_opsetid('', onnx_models.OPSET)]
    made = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=onnx_models.IR_VERSION)
    data: bytes = made.SerializeToString()
    return data


FLOAT, INT8, DOUBLE, INT32 = (
    getattr(onnx.TensorProto, name) for name in ('FLOAT', 'INT8', 'DOUBLE', 'INT32')
)


@pytest.mark.parametrize(
    ('element', 'shape', 'words'),
    [
        (FLOAT, [4, 3, 32, 32], '4 pictures at once'),
        (FLOAT, [3, 32, 32], 'It lacks a batch'),
        (FLOAT, [1, 4, 32, 32], 'more, such as depth or a second picture'),
        (INT32, [1, 3, 32, 32], 'has the type int32'),
        (INT8, [1, 3, 32, 32], "--set encode.scale=1 --set 'encode.mean=[128]'"),
    ],
)
def test_a_picture_that_cannot_be_filled_is_refused_with_the_remedy(
    element: int, shape: list[int], words: str, capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(taking(element, shape))
    status, _, errors = run(capsys, 'add', 'best.onnx', '--yes')
    assert (status, errors.count('\n')) == (1, 1)
    assert words in errors
    _, _, errors = run(capsys, 'inspect', 'best.onnx')
    assert words in errors


def test_a_picture_of_double_precision_or_of_signed_bytes_is_filled(
    capsys: Capture, work: Path
) -> None:
    (work / 'double.onnx').write_bytes(taking(DOUBLE, [1, 3, 32, 32]))
    added(capsys, 'double.onnx', '--yes')
    (work / 'bytes.onnx').write_bytes(taking(INT8, [1, 3, 32, 32]))
    less_128 = ('--set', 'encode.scale=1', '--set', 'encode.mean=[128]')
    added(capsys, 'bytes.onnx', '--yes', *less_128)


@pytest.mark.parametrize(
    ('assignment', 'words'),
    [
        ('color=bgr', 'KEY=VALUE'),
        ('encode.colour=bgr', "Did you mean 'color'?"),
        ('encode.color=pink', 'one of rgb, bgr, gray'),
        ('size=many', 'width, height'),
        ('encode.mean=[', 'a value as in a manifest'),
    ],
)
def test_an_answer_that_is_none_is_refused(
    assignment: str, words: str, capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    status, _, errors = run(capsys, 'add', 'best.onnx', '--set', assignment)
    assert status == 1
    assert words in errors


def test_an_interrupt_leaves_nothing_behind(
    capsys: Capture, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    (work / 'best.onnx').write_bytes(TOLD)
    monkeypatch.setattr('ml_integration.exports.packing.adding.install', interrupt)
    assert run(capsys, 'add', 'best.onnx')[0] == 130
    assert files_below(user_store()) == set()
    assert list(user_store().iterdir()) == []


def test_a_terminal_is_one_only_with_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'stdin', None)
    assert not asking.is_terminal()


def test_adding_in_a_process_without_a_terminal_asks_nobody(work: Path) -> None:
    (work / 'best.onnx').write_bytes(DETECTOR)
    command = [sys.executable, '-m', 'ml_integration.cli.main', 'add', 'best.onnx']
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    assert done.returncode == add.OPEN_QUESTIONS


def test_a_second_softmax_that_a_file_asks_for_is_left_out_and_said(
    capsys: Capture, work: Path
) -> None:
    (work / 'model.onnx').write_bytes(onnx_models.classifier(softmax=True))
    config = {
        'architectures': ['ViTForImageClassification'],
        'id2label': {'0': 'red', '1': 'green', '2': 'blue'},
    }
    (work / 'config.json').write_text(json.dumps(config))
    document = added(capsys, '.', '--name', 'colors', '--yes')
    claims = {one['key']: one for one in document['claims']}
    assert claims['settings.softmax']['value'] is False
    assert 'asks for softmax true' in claims['settings.softmax']['source']
    assert any('asks for softmax true' in one for one in document['warnings'])
    answered = added(capsys, '.', '--name', 'other', '--yes', '--set', 'settings.softmax=true')
    assert any('which settings.softmax makes' in one['sentence'] for one in answered['findings'])


def test_a_folder_for_several_true_classes_is_added_with_a_sigmoid(
    capsys: Capture, work: Path
) -> None:
    (work / 'model.onnx').write_bytes(onnx_models.two_headed_classifier())
    kept = onnx.load(work / 'model.onnx')
    del kept.graph.output[0]  # logits of dark and bright
    onnx.save(kept, work / 'model.onnx')
    config = {
        'architectures': ['ViTForImageClassification'],
        'problem_type': 'multi_label_classification',
        'id2label': {'0': 'dark', '1': 'bright'},
    }
    (work / 'config.json').write_text(json.dumps(config))
    document = added(capsys, '.', '--name', 'lights', '--yes', '--sample', 'red.png')
    assert not any('Suspicious' in one['sentence'] for one in document['findings'])
    settings = read_package(user_store() / 'lights' / '1').manifest.settings
    assert settings == {'multi_label': True, 'sigmoid': True, 'score_threshold': 0.5}


def test_outputs_of_a_row_each_become_heads_with_the_labels_of_all(
    capsys: Capture, work: Path
) -> None:
    (work / 'model.onnx').write_bytes(onnx_models.two_headed_classifier())
    (work / 'names.txt').write_text('red\ngreen\nblue\ndark\nbright\n')
    document = added(capsys, 'model.onnx', '--labels', 'names.txt', '--yes', '--name', 'two')
    assert not any('Suspicious' in one['sentence'] for one in document['findings'])
    package = read_package(user_store() / 'two' / '1')
    assert package.manifest.task == 'classification'
    assert package.manifest.settings == {'softmax': True, 'heads': ['color', 'light']}
    run(capsys, 'run', 'two', 'red.png', '--out', 'seen')
    assert main(['check', 'two']) == 0


def test_a_question_names_a_picture_of_what_comes_of_each_answer(
    capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(DETECTOR)
    _, out, _ = run(capsys, 'add', 'best.onnx', '--json', '--sample', 'red.png')
    (question,) = json.loads(out)['open']
    shown = cv2.imread(question['picture'])
    assert shown.shape[1] > len(question['answers']) * 480
    _, _, errors = run(capsys, 'add', 'best.onnx', '--picture', 'seen.png')
    assert 'results of each: seen_encode.png' in errors
    assert (work / 'seen_encode.png').exists()


BLIND = (
    'blind.onnx', '--task', 'classification', '--set', 'encode.resize=stretch',
    '--set', 'encode.color=rgb', '--set', 'encode.scale=255', '--set', 'encode.mean=[0]',
    '--set', 'encode.std=[1]',
)  # fmt: skip
"""An export whose outputs do not depend on the picture, with all that is open answered."""


@pytest.fixture
def blind(work: Path) -> None:
    (work / 'blind.onnx').write_bytes(taking(FLOAT, [1, 3, 32, 32]))


@pytest.mark.usefixtures('blind')
def test_results_that_look_wrong_are_asked_about(capsys: Capture) -> None:
    status, _, errors = run(capsys, 'add', *BLIND)
    assert status == add.OPEN_QUESTIONS
    assert 'Suspicious: its outputs are the same on every picture' in errors
    assert 'or: --yes (add it as it is)' in errors
    assert not user_store().exists()
    status, out, _ = run(capsys, 'add', *BLIND, '--json')
    (question,) = json.loads(out)['open']
    assert (status, question['key']) == (add.OPEN_QUESTIONS, 'results')
    assert Path(question['picture']).exists()


@pytest.mark.usefixtures('blind')
def test_results_that_look_wrong_are_taken_where_a_person_says_so(capsys: Capture) -> None:
    assert added(capsys, *BLIND, '--yes')['new']
    assert not added(capsys, *BLIND)['new']  # it is there already
    assert main(['check', 'blind']) == 0
    assert main(['check', 'blind', '--strict']) == 1


@pytest.mark.usefixtures('blind')
@pytest.mark.parametrize(('answer', 'expected'), [('', add.OPEN_QUESTIONS), ('2', 0)])
def test_a_person_at_a_terminal_decides_about_results_that_look_wrong(
    answer: str, expected: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(add, 'is_terminal', lambda: True)
    monkeypatch.setattr('builtins.input', lambda prompt: answer)
    status, out, _ = run(capsys, 'add', *BLIND)
    assert status == expected
    assert 'Look at the results of each: ' in out
    assert user_store().exists() is (expected == 0)


def test_adding_the_same_again_names_the_version_that_is_there(
    capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    assert run(capsys, 'add', 'best.onnx', '--sample', 'red.png')[0] == 0
    _, out, _ = run(capsys, 'add', 'best.onnx', '--sample', 'red.png')
    (row,) = [line.split() for line in out.splitlines() if line.startswith('version ')]
    assert row[:3] == ['version', '1', 'default:']
    assert 'best@1 is installed already' in out and 'Ran on 1 picture (' in out


def test_what_the_file_says_is_told_without_saying_metadata_twice(
    capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    _, out, _ = run(capsys, 'add', 'best.onnx')
    assert 'embedded metadata: names' in out and 'metadata: metadata' not in out


@pytest.mark.parametrize('verb', ['add', 'inspect'])
def test_what_two_places_say_differently_is_a_warning(
    verb: str, capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    (work / 'classes.txt').write_text('rouge\nvert\nbleu\n')
    status, _, errors = run(capsys, verb, 'best.onnx')
    assert status == 0
    assert "('rouge', 'vert', 'bleu') by classes.txt: the first is taken" in errors


def test_a_person_who_names_the_labels_hears_of_no_conflict(capsys: Capture, work: Path) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    (work / 'classes.txt').write_text('rouge\nvert\nbleu\n')
    _, _, errors = run(capsys, 'add', 'best.onnx', '--labels', 'classes.txt')
    assert 'the first is taken' not in errors


def test_a_setting_that_makes_nonsense_of_outputs_is_suspected_first(
    capsys: Capture, work: Path
) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    status, _, errors = run(capsys, 'add', 'best.onnx', '--set', 'encode.scale=0.001')
    assert status == 1
    assert 'with encode.scale=0.001 no task can read its outputs; without, they are' in errors


def golden_of(folder: Path) -> np.ndarray:
    with np.load(folder / 'golden.npz') as golden:
        (name,) = (name for name in golden.files if name.startswith('input.'))
        array: np.ndarray = golden[name]
        return array


def test_a_private_sample_is_not_in_the_package(work: Path, capsys: Capture) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    assert main(['add', 'best.onnx', '--sample', 'red.png', '--into', 'a']) == 0
    told = capsys.readouterr().out
    assert 'holds red.png as its golden sample: whoever gets the package can see' in told
    arguments = ['--into', 'b', '--private', '--json']
    assert main(['add', 'best.onnx', '--sample', 'red.png', *arguments]) == 0
    assert not json.loads(capsys.readouterr().out)['holds_sample']
    assert 'red.png' not in (work / 'b/best/1/manifest.yaml').read_text()
    assert not np.array_equal(golden_of(work / 'a/best/1'), golden_of(work / 'b/best/1'))
    assert main(['add', 'best.onnx', '--into', 'c', '--name', 'own']) == 0
    assert 'whoever gets the package' not in capsys.readouterr().out
    assert np.array_equal(golden_of(work / 'b/best/1'), golden_of(work / 'c/own/1'))


@pytest.mark.parametrize('size', ['100000', '[20000, 20000]'])
def test_a_size_that_fills_the_memory_is_refused(size: str, work: Path, capsys: Capture) -> None:
    free = with_metadata(free_sized(), names="['a', 'b', 'c']", task='classify')
    (work / 'best.onnx').write_bytes(free)
    assert main(['add', 'best.onnx', '--set', f'size={size}', '--yes', '--into', 'a']) == 1
    assert 'larger than any camera makes' in capsys.readouterr().err


def test_outputs_that_fill_the_memory_are_refused(
    work: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, 'MOST_OUTPUT', 100)
    (work / 'best.onnx').write_bytes(TOLD)
    assert main(['add', 'best.onnx', '--into', 'a']) == 1
    assert 'its outputs for one picture fill the memory' in capsys.readouterr().err
    assert not (work / 'a').exists()


def test_a_second_interrupt_ends_a_model_without_an_end(work: Path) -> None:
    (work / 'best.onnx').write_bytes(endless_detector(Endless.ALWAYS))
    source = with_ready_sign(work)
    command = [sys.executable, '-c', source, 'add', 'best.onnx', '--yes', '--into', 'a']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == 'running\n'
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                process.send_signal(signal.SIGINT)
                time.sleep(0.6)
            assert process.poll() == 130
        finally:
            process.kill()
    assert not (work / 'a').exists()


def with_ready_sign(work: Path) -> str:
    """A program like `ml_model` that says when the engine has begun a run."""
    return (
        'import signal, sys, threading\n'
        'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
        'from ml_integration.backends.onnx_runtime import session\n'
        'run = session.OnnxRuntimeSession.run\n'
        'def told(*arguments, **more):\n'
        "    threading.Timer(0.5, print, ['running'], {'flush': True}).start()\n"
        '    return run(*arguments, **more)\n'
        'session.OnnxRuntimeSession.run = told\n'
        'from ml_integration.cli.main import main\n'
        'sys.exit(main(sys.argv[1:]))\n'
    )


def free_sized() -> bytes:
    """A classifier of three classes for pictures of any size."""
    nodes = [
        onnx.helper.make_node('GlobalAveragePool', ['images'], ['mean']),
        onnx.helper.make_node('Flatten', ['mean'], ['scores']),
    ]
    tensor, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    inputs = [tensor('images', kind, [1, 3, 'height', 'width'])]
    graph = onnx.helper.make_graph(nodes, 'g', inputs, [tensor('scores', kind, [1, 3])])
    opsets = [onnx.helper.make_opsetid('', 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(
    'name', [b'\xff\xfe', '\u202e\x1b[31m'.encode(), b'a' * 240, 'é'.encode()]
)
def test_any_name_of_a_file_becomes_one_that_a_model_can_have(name: bytes, work: Path) -> None:
    file = os.fsdecode(name + b'.onnx')
    (work / file).write_bytes(TOLD)
    assert main(['add', file, '--into', 'a']) == 0
    (folder,) = (work / 'a').iterdir()
    manifest = read_package(folder / '1').manifest
    assert manifest.origin.isprintable()


def test_pictures_of_samples_are_for_the_user_alone_and_never_run_out_of_names(
    work: Path, capsys: Capture
) -> None:
    (work / 'best.onnx').write_bytes(TOLD)
    assert main(['add', 'best.onnx', '--sample', 'red.png', '--into', 'a']) == 0
    folder = data_home() / 'pictures'
    assert folder.stat().st_mode & 0o077 == 0
    for number in range(2, 100):
        (folder / f'best@1_{number}.jpg').touch()
    assert main(['add', 'best.onnx', '--sample', 'red.png', '--into', 'b']) == 0
    assert 'the picture cannot be written' in capsys.readouterr().err
