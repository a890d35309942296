"""Two real nodes that change together are promoted as one, and go back as one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from model_folders import write_model_folder
from rollout_topics import QUICK, RolloutTopic
from swapping_nodes import SwappingNode, swapping_node

from ml_integration.store.state.state_dir import StateDir

NAMES = ('/detector', '/tracker')
SETTINGS = {**QUICK, 'model': 'm@1', 'rollout.watch_s': 600.0}


def test_nodes_of_a_group_change_as_one(ros_domain: int, tmp_path: Path) -> None:
    store, state = tmp_path / 'store', tmp_path / 'state'
    for version in (1, 2):
        write_model_folder(store, 'm', version)
    with ExitStack() as ended:
        nodes, topics = dict[str, SwappingNode](), dict[str, RolloutTopic]()
        for name, other in (NAMES, NAMES[::-1]):
            settings = {**SETTINGS, 'rollout.group': [other], 'state_dir': str(state)}
            node = ended.enter_context(swapping_node(tmp_path, store, name=name))
            node.serve(**settings)
            nodes[name], topics[name] = node, RolloutTopic(node)
        detector, tracker = nodes.values()
        ended.enter_context(detector.frames_flowing())  # which the tracker sees as well
        for node in nodes.values():
            set_parameter(node, 'rollout.candidate', 'm@2')
        topics['/tracker'].wait_for('canary')
        set_parameter(tracker, 'rollout.only_when', 'docked')
        topics['/detector'].wait_for('canary', 'waits for /tracker', ready='yes')
        topics['/tracker'].wait_for('canary', 'waits for the robot to be docked', ready='no')
        set_parameter(tracker, 'rollout.robot_state', 'docked')
        for name in NAMES:
            topics[name].wait_for('promoted', watched='no')
            nodes[name].wait_for_serving('m@2')
        assert tracker.verb('rollback').success
        topics['/tracker'].wait_for('rolled back', 'the serving model was changed')
        topics['/detector'].wait_for('rolled back', '/tracker gave up its own')
        for node in nodes.values():
            node.wait_for_serving('m@1')
        assert StateDir(state).rollout_state('/detector').barred == ()


def set_parameter(node: SwappingNode, name: str, wanted: str) -> None:
    result = node.client.set_parameter(node.name, name, wanted)
    assert result.successful, result.reason
