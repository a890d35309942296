"""What somebody asks for in the state of a node is begun once, or refused where they look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from deployed_robots import Robot
from model_folders import write_model_folder
from signing import set_manifest

from ml_integration.core.findings import Level
from ml_integration.errors import MlIntegrationError, SwapError
from ml_integration.serving.rollout_requests import RolloutRequests
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_request import RolloutRequest
from ml_integration.store.state.state_dir import StateDir


class Asked:
    """A robot that looks for requests, and what became of them."""

    def __init__(self, robot: Robot, store: Path) -> None:
        self.robot = robot
        self.file = RolloutRequest(robot.state_dir, '/detector')
        self.candidate = Edition.of(read_manifest(store / 'm/2'))
        self.forbidden: MlIntegrationError | None = None
        self.begun: list[str] = []
        self.told: list[tuple[Level, str]] = []
        self._requests = RolloutRequests(
            robot.history, robot.admission, self._permit, lambda *told: self.told.append(told)
        )

    def _permit(self) -> None:
        if self.forbidden is not None:
            raise self.forbidden

    def look(self) -> None:
        self._requests.look(self.begun.append)

    def refused(self) -> str:
        """Why the last request was refused, from the audit log."""
        assert self.robot.audit()[-1] == ('rollout', 'm@2', 'refused')
        return StateDir(self.robot.state_dir).audit.entries()[-1].reason


@pytest.fixture
def asked(store: Path, tmp_path: Path) -> Iterator[Asked]:
    write_model_folder(store, 'm', 2, golden=False)
    robot = Robot(store, tmp_path / 'state')
    with closing(robot.deployment):
        yield Asked(robot, store)


def test_a_request_is_begun_once(asked: Asked) -> None:
    asked.look()
    asked.file.ask(asked.candidate)
    asked.look()
    asked.look()
    assert (asked.begun, asked.told) == (['m@2'], [])


def test_who_may_not_is_told_why(asked: Asked) -> None:
    asked.forbidden = SwapError('the model of this node is locked')
    asked.file.ask(asked.candidate)
    asked.look()
    assert asked.begun == [] and asked.refused() == 'the model of this node is locked'
    assert asked.told[0][0] is Level.ERROR


def test_other_content_than_was_asked_for_is_not_begun(asked: Asked, store: Path) -> None:
    asked.file.ask(asked.candidate)
    set_manifest(store / 'm/2', description='changed meanwhile')
    asked.look()
    assert asked.begun == []
    assert asked.refused().startswith('m@2 has other content here than when it was asked for')


def test_something_else_in_its_place_is_told(asked: Asked) -> None:
    asked.file.ask(asked.candidate)
    next(asked.robot.state_dir.rglob('*.request')).write_text('?')
    asked.look()
    assert asked.begun == [] and 'no request for a rollout' in asked.told[0][1]
