"""Large messages that come in pieces, or do not come, are explained."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from dds_profiles import NO_PROFILE, write_profile
from inference_processes import running_node, value
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import Process


def test_a_publisher_without_the_profile_is_told_from_one_with_it(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    write_model_folder(tmp_path, 'tiny')
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'noise.png'), noise)
    without = write_profile(tmp_path, NO_PROFILE)
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
        status = node.wait_for_status(
            'input', lambda s: s.level == s.WARN and 'UDP fragments' in s.message, 'a smell'
        )
        assert 'start the PUBLISHER with' in status.message
        assert player.stop() == 0
        spawn(*command, *source)
        fine = node.wait_for_status(
            'input',
            lambda s: s.level == s.OK and value(s, 'serialized [bytes]') == '6220852',
            'large messages without a warning',
        )
        assert fine.message.endswith('Hz')
