"""A teacher is asked only where the machine has time to spare."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from model_folders import write_model_folder
from ros_processes import wait_until

from ml_integration.core.arrivals import of_one
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.watches import Seen
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.nice_session import NiceSession
from ml_integration.deploy.teacher import Teacher, TeacherRules
from ml_integration.recordings.pictures import picture_message
from ml_integration.ros.messages.message_types import message_type
from ml_integration.store.package.package import read_package


def test_without_time_to_spare_frames_are_skipped_and_told(tmp_path: Path) -> None:
    loader = Loader(ExecutionSettings(intra_op_threads=1))
    package = read_package(write_model_folder(tmp_path))
    student = loader.load(package)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[16:32, 16:32] = (0, 0, 255)
    prediction = student.run(of_one('images', picture_message(picture)))
    room = False
    teacher = Teacher(
        lambda: loader.open_second(package, NiceSession),
        message_type,
        lambda: TeacherRules(1, 20, 1.5),
        lambda spare_cpus: room and spare_cpus == 1.5,
    )
    with closing(student), closing(teacher):
        wait_until(lambda: bool(teacher.agreement('').model), 'the teacher')
        teacher.offer(Seen('', 0, {}, {}, prediction, student))
        wait_until(lambda: teacher.agreement('').skipped == 1, 'a skipped frame')
        assert teacher.agreement('').frames == 0
        room = True
        teacher.offer(Seen('', 0, {}, {}, prediction, student))
        wait_until(lambda: teacher.agreement('').frames == 1, 'a frame')
    assert teacher.agreement('').scores[0].value == 1
