"""Whoever feeds pipelines knows of each one before it serves and before it is closed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from deployed_robots import WAIT_S, Robot

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.deployment import Deployment
from ml_integration.errors import SupersededError, SwapError


class Crowd:
    """An audience that writes down what it is told, and what serves at that moment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.told: list[str] = []
        self.fault: Exception | None = None
        self.during_preparation: Callable[[], object] = lambda: None

    def prepare(self, pipeline: Pipeline) -> None:
        serving = self._deployment.serving.identity
        self.told.append(f'prepare {pipeline.model.identity} while {serving} serves')
        self.during_preparation()
        if self.fault is not None:
            raise self.fault

    def forget(self, pipeline: Pipeline) -> None:
        assert pipeline.session._leave is not None, 'it is closed already'
        self.told.append(f'forget {pipeline.model.identity}')


@pytest.fixture
def crowd(robot: Robot) -> Crowd:
    """Watches a robot that serves m@1, which has proven itself."""
    robot.deployment.start('m@1')
    robot.serve()
    crowd = Crowd(robot.deployment)
    robot.deployment.audience = crowd
    return crowd


def test_an_audience_prepares_before_a_swap_and_forgets_what_is_closed_for_good(
    robot: Robot, crowd: Crowd
) -> None:
    for version in (2, 3):
        robot.swap(f'm@{version}')
    assert [str(p.model.identity) for p in robot.deployment.router.pipelines] == ['m@3', 'm@1']
    robot.deployment.rollback().result(WAIT_S)  # m@1 is still in memory
    robot.deployment.close()
    assert [line for line in crowd.told if line.startswith('prepare')] == [
        'prepare m@2 while m@1 serves',
        'prepare m@3 while m@2 serves',
        'prepare m@1 while m@3 serves',
    ]
    assert [line for line in crowd.told if line.startswith('forget')] == [
        f'forget m@{version}' for version in (2, 3, 1)
    ]


def test_an_audience_prepares_before_a_rollback_to_a_model_on_disk(
    robot: Robot, crowd: Crowd
) -> None:
    robot.swap('m@2')
    robot.deployment.close()
    robot.boot().start('m@2')
    crowd = robot.deployment.audience = Crowd(robot.deployment)
    robot.deployment.rollback().result(WAIT_S)
    assert crowd.told[0] == 'prepare m@1 while m@2 serves'


def test_an_audience_that_cannot_prepare_prevents_the_swap(robot: Robot, crowd: Crowd) -> None:
    crowd.fault = SwapError('the window of m@2 does not fit')
    before = robot.deployment.state
    with pytest.raises(SwapError, match='does not fit'):
        robot.swap('m@2')
    assert crowd.told == ['prepare m@2 while m@1 serves', 'forget m@2']
    assert (robot.serving(), robot.deployment.state) == ('m@1', before)


def test_a_model_that_is_superseded_while_it_is_prepared_is_forgotten(
    robot: Robot, crowd: Crowd
) -> None:
    crowd.during_preparation = robot.deployment.stay
    with pytest.raises(SupersededError):
        robot.swap('m@2')
    assert crowd.told == ['prepare m@2 while m@1 serves', 'forget m@2']
    assert robot.serving() == 'm@1'
