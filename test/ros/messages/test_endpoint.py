"""Large messages that come in pieces, or do not come, are explained."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from inference_processes import running_node, value
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import Process

from ml_integration.core.datatypes import Verdict
from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputStats
from ml_integration.ros.messages.endpoint import Wire, fragmentation

MS, S = 10**6, 10**9
NO_PROFILE = '<dds xmlns="http://www.eprosima.com"><profiles/></dds>'
HERE, ELSEWHERE = Wire('', '/image', 1, '', True), Wire('', '/image', 1, '', False)


def window(size: int, age_ms: float, *, lost: int = 0) -> InputStats:
    """One message of `size` bytes whose result took 3 ms here and `age_ms` since the stamp."""
    monitor = Monitor(0)
    monitor.received(S, size)
    monitor.lost(lost, S)
    monitor.completed(Verdict(), age_ms, {'infer': 3.0}, S)
    return monitor.stats(S).inputs[0]


@pytest.mark.parametrize(
    ('wire', 'stats', 'symptom'),
    [
        (HERE, window(921_652, 15.0), '0.9 MB take 12.0 ms from the publisher to here'),  # slow
        (HERE, window(921_652, 5.0), ''),  # as through shared memory
        (HERE, window(921_652, 5.0, lost=3), 'messages of 0.9 MB get lost'),  # best effort
        (HERE, window(100_000, 15.0, lost=3), ''),  # small ones: the machine is busy
        (ELSEWHERE, window(921_652, 15.0, lost=3), ''),  # a network has its own speed
        (HERE, Monitor(0).stats(S).inputs[0], ''),  # nothing came, and nothing was lost
    ],
)
def test_it_smells_of_fragments_when_large_messages_of_this_machine_are_slow_or_get_lost(
    wire: Wire, stats: InputStats, symptom: str
) -> None:
    sentence = fragmentation(wire, stats)
    assert sentence.startswith(symptom)
    assert bool(sentence) is bool(symptom)
    assert not sentence or 'set to config/fastdds_large_messages.xml' in sentence


def test_a_publisher_without_the_profile_is_told_from_one_with_it(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    write_model_folder(tmp_path, 'tiny')
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'noise.png'), noise)
    (tmp_path / 'no_profile.xml').write_text(NO_PROFILE)
    variables = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
    without = dict.fromkeys(variables, str(tmp_path / 'no_profile.xml'))
    command = (
        '-m',
        'ml_integration.ros.video.video_player',
        '--ros-args',
        '-p',
        'autostart:=true',
    )
    source = ('-p', f'source:={tmp_path}/noise.png', '-p', 'rate_hz:=15.0')
    parameters = {'model': 'tiny', 'model_path': tmp_path, 'autostart': True, 'deadline_ms': 0}
    with closing(Client()) as client, running_node(tmp_path, client, **parameters) as node:
        player = spawn(*command, *source, environment=without)
        status = node.wait_for_status('input', lambda s: 'UDP fragments' in s.message, 'a smell')
        assert status.level == status.WARN
        assert 'start the PUBLISHER with' in status.message
        assert player.stop() == 0
        spawn(*command, *source)
        fine = node.wait_for_status(
            'input',
            lambda s: s.level == s.OK and value(s, 'serialized') == '6220852 bytes',
            'large messages without a warning',
        )
        assert fine.message.endswith('Hz')
