"""`ml_model replay`: the newest message wins, and what was dropped is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import bags
import numpy as np
import pytest
from bags import SECOND
from sensor_models import write_sensor_store

from ml_integration.backends.onnx_runtime.session import OnnxRuntimeSession
from ml_integration.cli.main import main

Capture = pytest.CaptureFixture[str]
MS = SECOND // 1000
PIXELS = np.full((8, 8, 3), 255, np.uint8)


def drive(folder: Path, count: int, period_ms: int, lag_ms: int = 0) -> Path:
    """Pictures, each of which was recorded `lag_ms` after its stamp."""
    times = [SECOND + number * period_ms * MS for number in range(count)]
    pictures = [('/image', bags.image(PIXELS, at - lag_ms * MS), at) for at in times]
    return bags.write_bag(folder, pictures)


def replayed(capsys: Capture, *arguments: str) -> tuple[list[Any], dict[str, Any]]:
    """Lines of results, and the summary."""
    capsys.readouterr()
    assert main(['replay', *arguments, '--json']) == 0
    *rows, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    return rows, last['summary']


@pytest.fixture
def place(model_folder: Callable[..., Path], store: Path, monkeypatch: Any) -> Path:
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    return model_folder('tiny', 1, golden=False)


def test_every_frame_that_comes_slowly_enough_is_run(
    place: Path, tmp_path: Path, capsys: Capture
) -> None:
    bag = drive(tmp_path / 'bag', count=4, period_ms=50, lag_ms=30)
    rows, summary = replayed(capsys, 'tiny', str(bag), '--deadline-ms', '0')
    assert summary['frames']['received'] == 4
    assert len(rows) == summary['frames']['published'] >= 1
    # The way of the messages to the recorder counts, as it did on the robot.
    assert summary['age_ms']['p50'] >= 30


def test_what_comes_while_the_model_is_busy_is_dropped_and_counted(
    place: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, begun = OnnxRuntimeSession.run, Event()

    def slow(self: Any, *arguments: Any) -> Any:
        begun.wait(0.05)  # nobody ever sets it
        return original(self, *arguments)

    monkeypatch.setattr(OnnxRuntimeSession, 'run', slow)
    bag = drive(tmp_path / 'bag', count=30, period_ms=5)
    rows, summary = replayed(capsys, 'tiny', str(bag), '--deadline-ms', '0')
    frames = summary['frames']
    assert frames['displaced'] > 0
    assert frames['displaced'] + frames['published'] == frames['received'] == 30
    assert len(rows) == frames['published']


def test_frames_that_were_old_when_recorded_are_too_old(
    place: Path, tmp_path: Path, capsys: Capture
) -> None:
    bag = drive(tmp_path / 'bag', count=3, period_ms=20, lag_ms=500)
    rows, summary = replayed(capsys, 'tiny', str(bag))
    assert rows == []
    assert summary['frames']['stale'] + summary['frames']['displaced'] == 3
    assert main(['replay', 'tiny', str(bag)]) == 0
    assert '3 of 3 (100.0%)' in capsys.readouterr().out


def test_the_clock_starts_runs_in_the_time_of_the_recording(
    store: Path, tmp_path: Path, capsys: Capture
) -> None:
    write_sensor_store(store)
    times = [SECOND + number * 10 * MS for number in range(60)]
    bag = bags.write_bag(tmp_path / 'bag', [('/imu', bags.imu(0.5, at), at) for at in times])
    arguments = ['turning', str(bag), '--rate', '4', '--store', str(store)]
    rows, summary = replayed(capsys, *arguments, '--deadline-ms', '0')
    assert summary['frames']['received'] == 11  # 20 Hz for 0.59 s, the first after 50 ms
    assert rows and rows[-1]['results'][0]['values'] == pytest.approx([0.5, 0, 0])


@pytest.mark.parametrize('options', [['--rate', '0'], ['--rate', 'nan'], ['--deadline-ms', '-1']])
def test_a_number_that_makes_no_sense_is_refused(
    options: list[str], place: Path, tmp_path: Path, capsys: Capture
) -> None:
    bag = drive(tmp_path / 'bag', count=1, period_ms=1)
    assert main(['replay', 'tiny', str(bag), *options]) == 1
    assert f"'{options[0]}' is not valid" in capsys.readouterr().err
