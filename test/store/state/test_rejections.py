from __future__ import annotations

from pathlib import Path

import pytest
from deployed_robots import WAIT_S, Robot
from node_states import node_state

from ml_integration.store.state.rejections import lift_rejections
from ml_integration.store.state.state_dir import StateDir


def test_every_node_forgets_what_it_has_against_a_model(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.save_node_state('/front', node_state('m@1', True, rejected=('m@2', 'm@3')))
    state.save_node_state('/rear', node_state('m@2', True))
    assert lift_rejections(state, 'm@2') == ('/front',)
    assert state.node_state('/front') == node_state('m@1', True, rejected=('m@3',))
    assert lift_rejections(state, 'm@2') == ()


@pytest.fixture
def robot(store: Path, tmp_path: Path, model_folder: object) -> Robot:
    for version in (1, 2, 3):
        model_folder('m', version)
    return Robot(store, tmp_path / 'state')


def test_a_running_node_does_not_reject_again_what_was_released(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    robot.deployment.rollback().result(WAIT_S)
    assert lift_rejections(StateDir(robot.state_dir), 'm@2') == ('/detector',)
    robot.swap('m@3')
    assert robot.deployment.state.rejected == ()
    robot.deployment.close()
    assert StateDir(robot.state_dir).node_state('/detector').rejected == ()
