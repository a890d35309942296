"""`ml_model run` on real models and recordings: results, pictures, refusals, interrupts."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bags
import cv2
import numpy as np
import pytest
from bags import SECOND
from inference_processes import GREEN, RED, squares
from model_folders import DETECTOR_SETTINGS
from sensor_models import write_sensor_store

from ml_integration.cli.main import main
from ml_integration.cli.running import reading
from ml_integration.core.arrivals import of_one
from ml_integration.deploy.loading import Loader
from ml_integration.recordings.pictures import picture_message
from ml_integration.store.package.package import read_package

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]
TICK = SECOND // 100


def blobs(seed: int, width: int = 101, height: int = 77) -> np.ndarray:
    """Soft spots of color everywhere."""
    small = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def detector(model_folder: ModelFolder, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    return model_folder('tiny', 1, golden=False)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f'{number}.png'), blobs(number))
    return folder


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def directly(folder: Path, picture: np.ndarray) -> list[dict[str, Any]]:
    """The pipeline's rows for a picture, without any loop."""
    pipeline = Loader().load(read_package(folder))
    prediction = pipeline.run(of_one('images', picture_message(picture)))
    result, task = prediction.result, pipeline.task
    rows = task.rows(result)  # type: ignore[attr-defined]
    pipeline.close()
    return [
        {
            'label': row.label, 'class_id': row.class_id, 'score': row.score, 'left': row.left,
            'top': row.top, 'right': row.right, 'bottom': row.bottom,
        }
        for row in rows
    ]  # fmt: skip


def test_stages_are_seen_in_the_results_as_a_node_publishes_them(
    detector: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / 'moving'
    folder.mkdir()
    for number in range(3):
        picture = np.ascontiguousarray(np.roll(squares(RED, GREEN), number, axis=1))
        cv2.imwrite(str(folder / f'{number}.png'), picture)
    tracked = ['run', 'tiny', str(folder), '--stage', 'tracking']
    assert main([*tracked, '--param', 'tracking.sure_score:=0.3']) == 0
    tracks = [[row['track'] for row in one['results']] for one in lines(capsys.readouterr().out)]
    assert len(set(tracks[0])) == 2 and 0 not in tracks[0]
    assert tracks[1:] == tracks[:1] * 2
    assert main([*tracked, '--csv']) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 6 and all(int(row['track']) for row in rows)
    assert main([*tracked[:3], '--stage', 'lifting']) == 1
    assert "expected a bag with 'image'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (['--stage', 'trackin'], "'--stage' is not valid; got 'trackin'"),
        (['--stage', 'tracking'] * 2, 'each at most once'),
        (['--param', 'tracking.lost_s:=2'], 'of a chosen stage'),
        (['--stage', 'tracking', '--param', 'tracking.lost:=2'], "Did you mean 'lost_s'?"),
        (['--stage', 'tracking', '--param', 'tracking.lost_s:=soon'], "got 'soon'"),
        (['--stage', 'point_cloud'], 'Remove point_cloud from the stages'),
    ],
)
def test_a_stage_that_cannot_be_is_refused(
    arguments: list[str], sentence: str, detector: Path, pictures: Path, capsys: Capture
) -> None:
    assert main(['run', 'tiny', str(pictures), *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_every_picture_is_run_once_and_its_results_are_the_pipelines(
    detector: Path, pictures: Path, capsys: Capture
) -> None:
    assert main(['run', 'tiny', str(pictures)]) == 0
    out, errors = capsys.readouterr()
    told = lines(out)
    assert [one['source'] for one in told] == ['0.png', '1.png', '2.png']
    for number, one in enumerate(told):
        assert one['results'] == directly(detector, blobs(number)) != []
        assert (one['model'], one['held_back']) == ('tiny@1', [])
    assert '3: 3 good, 0 held back, 0 failed' in errors
    assert 'infer' in errors and 'p99' in errors


def test_an_array_gives_what_the_same_pictures_give(
    detector: Path, pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    array = np.stack([blobs(number)[..., ::-1] for number in range(3)])
    np.save(tmp_path / 'array.npy', array)
    main(['run', 'tiny', str(pictures)])
    expected = [one['results'] for one in lines(capsys.readouterr().out)]
    main(['run', 'tiny', str(tmp_path / 'array.npy')])
    told = lines(capsys.readouterr().out)
    assert [one['results'] for one in told] == expected
    assert told[1]['source'] == 'array.npy[1]'


def test_results_as_csv_have_a_row_each(detector: Path, pictures: Path, capsys: Capture) -> None:
    assert main(['run', 'tiny', str(pictures / '0.png'), '--csv']) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    expected = directly(detector, blobs(0))
    assert [row['label'] for row in rows] == [one['label'] for one in expected]
    assert [float(row['score']) for row in rows] == [one['score'] for one in expected]
    assert {row['source'] for row in rows} == {'0.png'}


def test_a_folder_gets_results_and_annotated_pictures(
    detector: Path, pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / 'new' / 'out'
    assert main(['run', 'tiny', str(pictures), '--out', str(out)]) == 0
    assert {file.name for file in out.iterdir()} == {'results.jsonl', '0.png', '1.png', '2.png'}
    assert len(lines((out / 'results.jsonl').read_text())) == 3
    drawn = cv2.imread(str(out / '1.png'))
    assert drawn.shape == (77, 101, 3) and (drawn != blobs(1)).any()
    assert '3 good' in capsys.readouterr().out


def test_pictures_of_one_name_get_files_of_their_own(
    detector: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / 'more').mkdir()
    cv2.imwrite(str(tmp_path / 'more/0.png'), blobs(9))
    out = tmp_path / 'out'
    main(['run', 'tiny', str(pictures / '0.png'), str(tmp_path / 'more'), '--out', str(out)])
    assert {file.name for file in out.glob('*.png')} == {'0.png', '2-0.png'}


def test_nothing_is_written_over(
    detector: Path, pictures: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (pictures / '0.png').read_bytes()
    assert main(['run', 'tiny', str(pictures), '--out', str(pictures)]) == 1
    assert 'it is no empty folder' in capsys.readouterr().err
    assert (pictures / '0.png').read_bytes() == before


def test_a_video_becomes_an_annotated_video_of_its_rate(detector: Path, tmp_path: Path) -> None:
    path, out = tmp_path / 'drive.avi', tmp_path / 'out'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 12.5, (64, 48))
    for number in range(6):
        writer.write(blobs(number, 64, 48))
    writer.release()
    assert main(['run', 'tiny', str(path), '--out', str(out)]) == 0
    (made,) = (file for file in out.iterdir() if file.stem == 'drive')
    capture = cv2.VideoCapture(str(made))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert len(lines((out / 'results.jsonl').read_text())) == 6


def test_a_picture_that_cannot_be_read_is_told_and_the_others_are_run(
    detector: Path, pictures: Path, capsys: Capture
) -> None:
    (pictures / '1.png').write_bytes((pictures / '1.png').read_bytes()[:50])
    assert main(['run', 'tiny', str(pictures)]) == 1
    out, errors = capsys.readouterr()
    assert [one['source'] for one in lines(out)] == ['0.png', '2.png']
    assert 'ml_model: warning:' in errors and '1.png: it is no picture' in errors


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (['--limit', '2'], [0, 1]),
        (['--every', '2'], [0, 2]),
        (['--every', '2', '--limit', '1'], [0]),
    ],
)
def test_some_of_the_pictures_are_run(
    options: list[str], expected: list[int], detector: Path, pictures: Path, capsys: Capture
) -> None:
    assert main(['run', 'tiny', str(pictures), *options]) == 0
    sources = [one['source'] for one in lines(capsys.readouterr().out)]
    assert sources == [f'{number}.png' for number in expected]


@pytest.mark.parametrize('options', [['--limit', '-1'], ['--every', '0']])
def test_a_number_out_of_range_is_refused(
    options: list[str], detector: Path, pictures: Path, capsys: Capture
) -> None:
    assert main(['run', 'tiny', str(pictures), *options]) == 1
    assert f"'{options[0]}' is not valid" in capsys.readouterr().err


def test_json_ends_with_a_summary(detector: Path, pictures: Path, capsys: Capture) -> None:
    assert main(['run', 'tiny', str(pictures), '--json']) == 0
    out, errors = capsys.readouterr()
    *told, last = lines(out)
    assert len(told) == 3 and errors == ''
    summary = last['summary']
    assert (summary['frames']['published'], summary['model']) == (3, 'tiny@1')
    assert set(summary['stages_ms']['infer']) == {'p50', 'p95', 'p99'}
    assert sum(summary['labels'].values()) == summary['results']


def test_results_that_are_held_back_are_counted_by_kind(
    model_folder: ModelFolder, store: Path, pictures: Path, capsys: Capture
) -> None:
    settings = {**DETECTOR_SETTINGS, 'implausible_count': 1}
    model_folder('odd', 1, golden=False, settings=settings)
    assert main(['run', 'odd', str(pictures), '--store', str(store), '--json']) == 0
    *told, last = lines(capsys.readouterr().out)
    assert all(one['results'] == [] and 'too_many' in one['held_back'][0] for one in told)
    assert last['summary']['held_back'] == {'too_many': 3}


def test_an_interrupt_ends_with_the_results_so_far(
    detector: Path, pictures: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = reading.Reading._wanted

    def interrupted(self: Any) -> bool:
        signal.raise_signal(signal.SIGINT)
        return original(self)

    monkeypatch.setattr(reading.Reading, '_wanted', interrupted)
    assert main(['run', 'tiny', str(pictures)]) == 130
    out, errors = capsys.readouterr()
    assert len(lines(out)) <= 1 and 'good' in errors
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_topic_of_the_right_type_is_found_and_told(
    detector: Path, pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    messages = [('/camera/image_raw', bags.image(blobs(n), (n + 1) * SECOND), n) for n in range(3)]
    place = bags.write_bag(tmp_path / 'bag', messages)
    assert main(['run', 'tiny', str(place)]) == 0
    out, errors = capsys.readouterr()
    assert [one['results'] for one in lines(out)] == [
        directly(detector, blobs(n)) for n in range(3)
    ]
    assert [one['stamp_ns'] for one in lines(out)] == [SECOND, 2 * SECOND, 3 * SECOND]
    assert "'image' is taken from /camera/image_raw, the only sensor_msgs/msg/Image" in errors


def test_of_two_topics_one_has_to_be_named(
    detector: Path, tmp_path: Path, capsys: Capture
) -> None:
    messages = [
        (f'/{side}', bags.image(blobs(n), 1), 1) for n, side in enumerate(['left', 'right'])
    ]
    place = str(bags.write_bag(tmp_path / 'bag', messages))
    assert main(['run', 'tiny', place]) == 1
    assert '/left, /right. Choose one: --topic image:=TOPIC.' in capsys.readouterr().err
    assert main(['run', 'tiny', place, '--topic', 'image:=/right']) == 0
    assert lines(capsys.readouterr().out)[0]['results'] == directly(detector, blobs(1))
    assert main(['run', 'tiny', place, '--topic', 'image:=/rear']) == 1
    assert "'image' cannot be taken from /rear; got no such topic" in capsys.readouterr().err
    assert main(['run', 'tiny', place, '--topic', 'lidar:=/left']) == 1
    assert "'--topic' is not valid; got 'lidar'" in capsys.readouterr().err
    assert main(['run', 'tiny', place, '--topic', 'nonsense']) == 1
    assert 'NAME:=RECORDED' in capsys.readouterr().err


def test_compressed_pictures_of_a_bag_are_decoded_and_damaged_ones_fail_alone(
    detector: Path, tmp_path: Path, capsys: Capture
) -> None:
    kind = bags.typed('sensor_msgs/msg/CompressedImage')
    whole = cv2.imencode('.png', blobs(1))[1]
    pictures = [
        kind(bags.header(stamp_ns * SECOND), 'bgr8; png compressed bgr8', data)
        for stamp_ns, data in enumerate((whole, whole[: len(whole) // 2], whole), 1)
    ]
    messages = [('/cam/compressed', one, number) for number, one in enumerate(pictures)]
    place = str(bags.write_bag(tmp_path / 'bag', messages))
    for more in ([], ['--topic', 'image:=/cam'], ['--topic', 'image:=/cam/compressed']):
        assert main(['run', 'tiny', place, *more]) == 1  # as one failed
        out, errors = capsys.readouterr()
        first, cut, last = lines(out)
        assert first['results'] == last['results'] == directly(detector, blobs(1))
        assert 'may have been cut off' in cut['error']
        told = "'image' is taken from /cam/compressed, the only sensor_msgs/msg/CompressedImage"
        assert (told in errors) is not more


def test_a_model_of_two_inputs_is_fed_from_a_bag_and_not_from_pictures(
    store: Path, pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    write_sensor_store(store)
    messages = [
        ('/joint_states', bags.joints(['hip', 'knee'], [1.0, 2.0], SECOND), 1),
        ('/image', bags.image(np.full((8, 8, 3), 255, np.uint8), SECOND + 1000), 2),
    ]
    place = bags.write_bag(tmp_path / 'bag', messages)
    assert main(['run', 'seen', str(place), '--store', str(store)]) == 0
    (one,) = lines(capsys.readouterr().out)
    assert one['results'][0]['values'] == pytest.approx([1, 1, 1, 1, 2], abs=0.01)
    assert main(['run', 'seen', str(pictures), '--store', str(store)]) == 1
    assert "expected a bag with 'image'" in capsys.readouterr().err


def test_a_window_of_samples_is_filled_from_a_bag_and_states_begin_anew_with_each_bag(
    store: Path, tmp_path: Path, capsys: Capture
) -> None:
    write_sensor_store(store)
    steps = [('/imu', bags.imu(0.5, SECOND + n * TICK), SECOND + n * TICK) for n in range(40)]
    turning = bags.write_bag(tmp_path / 'turning', steps)
    assert main(['run', 'turning', str(turning), '--store', str(store)]) == 0
    told = lines(capsys.readouterr().out)
    assert 0 < len(told) < 40  # none before the window is full
    assert told[-1]['results'][0]['values'] == pytest.approx([0.5, 0, 0])
    state = [
        ('/joint_states', bags.joints(['hip', 'knee'], [1.0, 2.0], n * TICK), n * TICK)
        for n in (1, 2)
    ]
    adding = str(bags.write_bag(tmp_path / 'adding', state))
    assert main(['run', 'adding', adding, adding, '--store', str(store)]) == 0
    sums = [one['results'][-1]['values'] for one in lines(capsys.readouterr().out)]
    assert sums[:2] == sums[2:] and sums[0] != sums[1]


def test_names_of_pictures_steer_no_terminal(
    detector: Path, tmp_path: Path, capsys: Capture
) -> None:
    odd = tmp_path / '[bold]\x1b[31m.png'
    cv2.imwrite(str(tmp_path / 'a.png'), blobs(0))
    (tmp_path / 'a.png').rename(odd)
    for options in ([], ['--csv'], ['--json'], ['--out', str(tmp_path / 'out')]):
        assert main(['run', 'tiny', str(odd), *options]) == 0
        out, errors = capsys.readouterr()
        assert all(c.isprintable() or c == '\n' for c in out + errors), ascii(out + errors)
    assert [file.name for file in (tmp_path / 'out').glob('*.png')] == [r'[bold]_x1b[31m.png']


def test_a_message_that_no_model_can_use_is_told_in_its_place(
    detector: Path, tmp_path: Path, capsys: Capture
) -> None:
    depth = bags.image(np.zeros((4, 4), np.uint16), 1, '16UC1')
    messages = [('/image', depth, 1), ('/image', bags.image(blobs(0), SECOND), 2)]
    place = str(bags.write_bag(tmp_path / 'bag', messages))
    assert main(['run', 'tiny', place, '--json']) == 1
    bad, good, last = lines(capsys.readouterr().out)
    assert '16UC1' in bad['error'] and bad['source'] == '/image at 0.00 s'
    assert good['results'] == directly(detector, blobs(0))
    assert last['summary']['frames']['failed'] == 1
    main(['run', 'tiny', place, '--csv'])
    first, *_ = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first['label'], '16UC1' in first['error']) == ('', True)


def test_a_person_reads_lines_and_a_table(
    detector: Path, pictures: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('ml_integration.cli.run.on_terminal', lambda: True)
    assert main(['run', 'tiny', str(pictures)]) == 0
    out, errors = capsys.readouterr()
    labels = [one['label'] for one in directly(detector, blobs(0))]
    assert out.splitlines()[0].startswith(f'0.png: {labels[0]} 0.')
    assert len(out.splitlines()) == 3 and 'p50 ms' in errors


def test_csv_is_refused_where_it_would_mix_with_json(
    detector: Path, pictures: Path, capsys: Capture
) -> None:
    for options in (['--json'], ['--compare', 'tiny']):
        assert main(['run', 'tiny', str(pictures), '--csv', *options]) == 1
        assert "'--csv' is not valid" in capsys.readouterr().err


def test_two_videos_of_one_name_get_a_file_each(
    detector: Path, tmp_path: Path, capsys: Capture
) -> None:
    videos = [tmp_path / folder / 'drive.avi' for folder in 'ab']
    for video in videos:
        video.parent.mkdir()
        writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 10, (96, 64))
        for number in range(3):
            writer.write(blobs(number, 96, 64))
        writer.release()
    out = tmp_path / 'out'
    assert main(['run', 'tiny', *map(str, videos), '--out', str(out)]) == 0
    assert len([file for file in out.iterdir() if file.suffix != '.jsonl']) == 2
