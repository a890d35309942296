"""A person asks for a rollout without ROS, and its steps wait for the robot."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from model_folders import write_model_folder
from nav_msgs.msg import Odometry
from rollout_topics import QUICK, RolloutTopic
from ros_client import Client
from swapping_nodes import SwappingNode, swapping_node

from ml_integration.cli.main import main
from ml_integration.ros.node import qos
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """m@1 and m@2 of the same content."""
    folder = tmp_path_factory.mktemp('store')
    for version in (1, 2):
        write_model_folder(folder, 'm', version)
    return folder


def ask(node: SwappingNode, store: Path, state: Path) -> int:
    """Types the command that asks the node to roll out m@2."""
    places = ('--store', str(store), '--state-dir', str(state))
    return main(['rollout', 'start', node.name, 'm@2', *places])


def test_steps_wait_until_the_robot_is_docked_and_stands_still(
    running: SwappingNode, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    node, state, topic = running, tmp_path / 'state', RolloutTopic(running)
    settings = {**QUICK, 'rollout.watch_s': 0.5, 'rollout.only_when': 'docked and speed < 0.01'}
    node.serve(model='m@1', state_dir=str(state), **settings)
    refused = node.client.set_parameter(node.name, 'rollout.only_when', 'docked or not')
    assert not refused.successful and "got 'docked or not'" in refused.reason
    refused = node.client.set_parameter(node.name, 'rollout.group', [node.name])
    assert not refused.successful and 'Leave /swapping out' in refused.reason
    with closing(Client()) as robot, node.frames_flowing():
        assert ask(node, store, state) == 0
        assert capsys.readouterr().out == f'{node.name}: m@2 runs in the shadow of m@1\n'
        waiting = 'waits for the robot to be docked and slower than 0.01 m/s'
        topic.wait_for('shadow', waiting, candidate='m@2', stable='m@1')
        said = robot.node.create_publisher(Odometry, '/odom', qos.sensor('sensor_data'))
        robot.node.create_timer(0.05, lambda: said.publish(Odometry()))
        assert node.client.set_parameter(node.name, 'rollout.robot_state', 'docked').successful
        topic.wait_for('promoted', watched='yes')
    assert main(['rollout', 'status', '--state-dir', str(state)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f'{node.name}: promoted, and watched for long enough\n')
    assert main(['rollout', 'history', node.name, '--state-dir', str(state)]) == 0
    lines = capsys.readouterr().out.splitlines()
    begun, waited, *_, stays = lines
    assert begun.endswith('m@2 runs in the shadow of m@1') and waiting in waited
    assert 'm@2 stays: watched for ' in stays


def test_a_locked_node_refuses_and_the_audit_log_says_so(
    store: Path, ros_domain: int, tmp_path: Path, capsys: Capture
) -> None:
    state = tmp_path / 'state'
    fixed: dict[str, Any] = {'state_dir': state, 'swap_authority': 'locked', 'model': 'm@1'}
    with swapping_node(tmp_path, store, name='/locked', **fixed) as node:
        node.serve()
        topic = RolloutTopic(node)
        assert ask(node, store, state) == 1
        assert '/locked refuses it: /locked: the model of this node is locked' in (
            capsys.readouterr().err
        )
        topic.wait_for('idle')
    told = [(one.actor, one.result) for one in StateDir(state).audit.entries()][-2:]
    assert told == [('/locked', 'refused'), ('ml_model', 'refused')]
