"""The swap demo as people start it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import cv2
import psutil
import pytest
from ros_processes import Process, wait_until

from ml_integration.demos.scene_camera import PICTURES, place_in_loop

Start = Callable[..., Process]
MODULE = 'ml_integration.demos.swap_demo'


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / 'out'


def child_of(process: Process) -> psutil.Process:
    """The detector, as soon as it runs."""
    demo = psutil.Process(process.pid)
    wait_until(demo.children, 'the detector')
    (child,) = demo.children()
    return child


def test_the_demo_swaps_refuses_and_rolls_back_without_losing_a_frame(
    spawn: Start, out: Path
) -> None:
    process = spawn('-m', MODULE, '--rate', '5', '--act', '1', '--out', str(out))
    child = child_of(process)
    assert process.wait(60.0) == 0, process.log
    assert ', 0 lost' in process.log
    assert 'refused: <store>/shapes/3: its files are not the ones' in process.log
    assert 'shapes@1 serves again, shapes@2 was taken back' in process.log
    assert cv2.imread(str(out / 'demo_swap.png')).shape == (480, 3 * 640, 3)
    assert not child.is_running()


def test_a_detector_that_dies_is_told_with_the_end_of_its_log(spawn: Start, out: Path) -> None:
    process = spawn('-m', MODULE, '--act', '30', '--out', str(out))
    process.wait_for_log('shapes@1: ')
    child_of(process).kill()
    assert process.wait() == 1
    assert '/detector: the process has ended with exit code -9' in process.log


def test_an_interrupted_demo_leaves_nothing_running(spawn: Start, out: Path) -> None:
    process = spawn('-m', MODULE, '--act', '30', '--out', str(out))
    child = child_of(process)
    process.wait_for_log('shapes@1: ')
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 130
    assert 'Traceback' not in process.log
    assert not child.is_running()


def test_the_camera_plays_its_scene_forward_and_backward() -> None:
    places = [place_in_loop(number) for number in range(2 * PICTURES)]
    assert places[:PICTURES] == list(range(PICTURES))
    assert places[PICTURES - 1 :] == [*range(PICTURES - 1, -1, -1), 1]
