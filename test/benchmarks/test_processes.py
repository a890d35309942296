"""The processes of a run: what they use, and the lines by which they are asked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.side_by_side import floor
from benchmarks.side_by_side.floor import Lap, Loop
from benchmarks.side_by_side.line_process import LineProcess
from benchmarks.side_by_side.models import ROOT
from benchmarks.side_by_side.process_usage import usage


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[LineProcess]:
    """The bare loop with a small real model."""
    model = str(ROOT / 'models/shapes/1/model.onnx')
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    process = LineProcess(floor.MODULE, [model], environment, tmp_path / 'log')
    yield process
    process.end()


def test_threads_and_open_files_are_counted() -> None:
    program = (
        'import os, threading; threading.Thread(target=input).start(); '
        'held = open(os.devnull); print("ready", flush=True); threading.Event().wait()'
    )
    with subprocess.Popen(
        [sys.executable, '-c', program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b'ready\n'
            seen = usage(child.pid)
        finally:
            child.kill()
    # The main thread and the one that reads; three standard streams and the file.
    assert (seen.threads, seen.descriptors) == (2, 4)
    assert 1 < seen.rss_mb < 1000
    assert seen.faults > 100


def test_cpu_time_is_that_of_the_process() -> None:
    before = sum(os.times()[:2]) * 1e3
    measured = usage(os.getpid()).cpu_ms
    # os.times counts in steps of 10 ms, both for user and for system time.
    assert before - 20 <= measured <= sum(os.times()[:2]) * 1e3 + 20


def test_the_bare_loop_runs_a_model(bare: LineProcess, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'picture.bmp'), np.full((48, 64, 3), 128, np.uint8))
    lap = bare.ask(Loop(str(tmp_path / 'picture.bmp'), 0.0, 0.05), Lap)
    assert lap.frames >= 1
    assert 0 < lap.p50_ms <= lap.p99_ms


def test_a_process_that_has_been_killed_is_named(bare: LineProcess) -> None:
    os.kill(bare.pid, signal.SIGKILL)
    with pytest.raises(TimeoutError, match=f'floor .pid {bare.pid}. did not answer'):
        bare.ask(Loop('', 0.0, 0.0), Lap)
