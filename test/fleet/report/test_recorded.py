"""Bags are read as far as they can be; what cannot is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from bags import SECOND, header, imu, typed, write_bag

from ml_integration.errors import RecordingError
from ml_integration.fleet.report.recorded import KIND, TOPIC, read_bag


def diagnostics(second: int, level: int = 0, name: str = 'detector: input') -> object:
    value = typed('diagnostic_msgs/msg/KeyValue')('rate [Hz]', f'{second}')
    status = typed('diagnostic_msgs/msg/DiagnosticStatus')(level, name, 'a word', '', [value])
    return typed(KIND)(header(second * SECOND), [status])


def bag(folder: Path, storage: str = 'mcap') -> Path:
    messages = [(TOPIC, diagnostics(n), (100 + n) * SECOND) for n in range(20)]
    others = [('/imu', imu(0.0, n), (100 + n) * SECOND) for n in range(20)]
    return write_bag(folder / 'bag', messages + others, storage)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_is_read(tmp_path: Path, storage: str) -> None:
    history = read_bag(bag(tmp_path, storage))
    assert list(history.nodes) == ['detector'] and history.seconds == 19.0
    assert list(history.nodes['detector'].of('input').values('rate [Hz]')) == list(range(20))


def test_a_file_of_a_bag_is_read(tmp_path: Path) -> None:
    (file,) = bag(tmp_path).glob('*.mcap')
    assert read_bag(file).seconds == 19.0


def test_a_bag_of_something_else_says_how_to_record(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / 'bag', [('/imu', imu(0.0, 0), 0)])
    with pytest.raises(RecordingError, match=r"no topic '/diagnostics'.*/imu.*ros2 bag record"):
        read_bag(folder)


def test_another_type_on_the_topic_is_named(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / 'bag', [(TOPIC, imu(0.0, 0), 0)])
    with pytest.raises(RecordingError, match=r'sensor_msgs/msg/Imu.*DiagnosticArray'):
        read_bag(folder)


def test_a_bag_in_which_nobody_says_anything(tmp_path: Path) -> None:
    empty = typed(KIND)(header(0), [])
    with pytest.raises(RecordingError, match='nobody says anything'):
        read_bag(write_bag(tmp_path / 'bag', [(TOPIC, empty, 0)]))


@pytest.mark.parametrize('name', ['missing.mcap', 'notes.txt', 'empty.mcap', 'noise.db3'])
def test_what_is_no_bag(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name != 'missing.mcap':
        file.write_bytes(bytes(range(256)) * (0 if 'empty' in name else 9))
    with pytest.raises(RecordingError, match=name):
        read_bag(file)


def test_a_damaged_message_costs_only_itself(tmp_path: Path) -> None:
    folder = bag(tmp_path, 'sqlite3')
    (file,) = folder.glob('*.db3')
    content = file.read_bytes()
    # The name's length in one message, so that its end is beyond that of the message.
    place = content.index(b'detector: input') - 4
    file.write_bytes(content[:place] + b'\xff\xff\xff\x7f' + content[place + 4 :])
    history = read_bag(folder)
    assert history.unread == 1
    assert len(history.nodes['detector'].of('input').times_s) == 19


def test_a_bag_that_ends_in_the_middle(tmp_path: Path) -> None:
    (file,) = bag(tmp_path).glob('*.mcap')
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(RecordingError, match=r'cannot be read.*reindex'):
        read_bag(file)
