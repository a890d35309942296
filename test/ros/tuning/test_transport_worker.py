"""Frames that go to a real node and come back are measured, each way of messages by itself."""

from __future__ import annotations

from pathlib import Path

import cv2
import psutil
from inference_processes import GREEN, squares
from model_folders import write_model_folder
from ros_processes import wait_until
from sensor_models import write_sensor_store

from ml_integration.cli.tune import TRANSPORT
from ml_integration.tuning.candidates import Candidate, Machine, single_changes
from ml_integration.tuning.crew import Crew, Task
from ml_integration.tuning.figures import Figures
from ml_integration.tuning.trial import Material


def processes_about(folder: Path) -> list[psutil.Process]:
    """Processes that were told of a folder."""
    known = psutil.process_iter(['cmdline'])
    return [one for one in known if str(folder) in ' '.join(one.info['cmdline'] or ())]


def nobody(*numbers: int) -> None:
    """Is shown how far it has come."""


def test_every_way_of_messages_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    package = write_model_folder(tmp_path / 'store', 'tiny')
    cv2.imwrite(str(tmp_path / 'picture.png'), squares(GREEN))
    material = Material(str(tmp_path / 'picture.png'), {'': ('image',)}, 1, 20.0)
    with Crew(Task(package, material, worker=TRANSPORT), nobody) as crew:
        changes = single_changes(Candidate(), Machine(2, transport=True))
        members = [crew.hire(one) for one in (Candidate(), *changes)]
        assert len(processes_about(tmp_path)) == 3
        crew.measure(members, 3)
    assert [member.failure for member in members] == [''] * 3
    for member in members:
        figures = Figures.of(member.blocks.values())
        assert figures.frames > 0 and figures.p50_ms > 0
        assert figures.cpu_ms > 0 and figures.memory_mb > 20
    wait_until(lambda: not processes_about(tmp_path), 'the end of all processes')


def test_results_without_a_stamp_are_refused_in_a_sentence(tmp_path: Path) -> None:
    write_sensor_store(tmp_path / 'store')
    cv2.imwrite(str(tmp_path / 'picture.png'), squares(GREEN))
    material = Material(str(tmp_path / 'picture.png'), {'': ('image',)}, 1, 20.0)
    task = Task(tmp_path / 'store/sized/1', material, worker=TRANSPORT)
    with Crew(task, nobody) as crew:
        member = crew.hire(Candidate())
    assert 'has no stamp' in member.failure
