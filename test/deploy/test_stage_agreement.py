"""Stages that contradict the model, its task or one another are refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from model_folders import write_model_folder

from ml_integration.core.contracts import Topic
from ml_integration.core.inputs import KeepRule, KeepSpec
from ml_integration.core.stage_contracts import Companion
from ml_integration.deploy.stage_agreement import check_results, check_topics, companions_of
from ml_integration.errors import ModelMismatchError, SwapError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import read_package

DEPTH = Companion('depth', 'image', ('mono16',), 'depth', KeepSpec(KeepRule.NEAREST, 10.0))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return read_package(write_model_folder(tmp_path, 'm')).manifest


def stage(*companions: Companion, topics: tuple[str, ...] = ()) -> Any:
    made = tuple(Topic(name, 'std_msgs/msg/Int64') for name in topics)
    return SimpleNamespace(companions=companions, topics=made)


def other(**changes: Any) -> Companion:
    values = {name: getattr(DEPTH, name) for name in ('name', 'kind', 'formats', 'topic', 'keep')}
    return Companion(**{**values, **changes})


def test_what_several_stages_want_is_read_once(manifest: Manifest) -> None:
    info = other(name='info', topic='info')
    stages = {'a': stage(DEPTH, info), 'b': stage(other())}
    assert companions_of(manifest, stages) == (DEPTH, info)


@pytest.mark.parametrize(
    'second',
    [
        other(formats=('32FC1',)),
        other(keep=KeepSpec(KeepRule.NEAREST, 20.0)),
        other(topic='far'),  # one name for two things
        other(name='far'),  # one topic for two things
    ],
    ids=str,
)
def test_stages_that_mean_different_messages_do_not_work_together(
    manifest: Manifest, second: Companion
) -> None:
    with pytest.raises(ModelMismatchError, match="'depth' means different messages to two of"):
        companions_of(manifest, {'a': stage(DEPTH), 'b': stage(second)})


@pytest.mark.parametrize('change', [{'name': 'images'}, {'topic': 'image'}])
def test_a_stage_wants_nothing_that_is_an_input_of_the_model(
    manifest: Manifest, change: dict[str, str]
) -> None:
    with pytest.raises(ModelMismatchError, match='under a name that an input of the model has'):
        companions_of(manifest, {'a': stage(other(**change))})


def test_a_topic_of_results_has_one_publisher(manifest: Manifest) -> None:
    task = stage(topics=('detections',))
    check_topics(manifest, task, {'a': stage(topics=('x',)), 'b': stage(topics=('y',))})
    for stages in (
        {'a': stage(topics=('detections',))},
        {'a': stage(topics=('x',)), 'b': stage(topics=('y', 'x'))},
    ):
        with pytest.raises(ModelMismatchError, match='means different results to two of'):
            check_topics(manifest, task, stages)


def test_a_model_that_publishes_other_results_cannot_take_over() -> None:
    def giving(name: str, *topics: str) -> Any:
        model = SimpleNamespace(identity=name)
        return SimpleNamespace(model=model, topics=stage(topics=topics).topics)

    check_results(giving('cars@1', 'a', 'b'), giving('cars@2', 'b', 'a'))
    with pytest.raises(SwapError) as caught:
        check_results(giving('cars@1', 'a', 'b'), giving('cars@2', 'a', 'c'))
    assert (caught.value.got, caught.value.expected) == ('~/a, ~/c', '~/a, ~/b')
