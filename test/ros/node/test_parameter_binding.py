"""Parameters behave as a user of `ros2 param` expects, and say why when they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inference_processes import NodeUnderTest, running_node
from model_folders import write_model_folder
from rcl_interfaces.msg import ParameterDescriptor, ParameterType, SetParametersResult
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from ros_client import Client

from ml_integration.core.declaration import declared, settings_of
from ml_integration.errors import SwapError
from ml_integration.ros.node.parameter_binding import Parameters
from ml_integration.ros.node.parameters import InferenceNodeParameters

SETTINGS = {setting.name: setting for setting in settings_of(InferenceNodeParameters)}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'tiny')
    write_model_folder(folder, 'other')
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'), client, name='/eye', model_path=store, model='tiny'
        ) as running,
    ):
        yield running


def describe(node: NodeUnderTest, name: str) -> ParameterDescriptor:
    request = DescribeParameters.Request(names=[name])
    (descriptor,) = node.client.call(
        DescribeParameters, f'{node.name}/describe_parameters', request
    ).descriptors
    return descriptor


def test_every_setting_is_listed(node: NodeUnderTest) -> None:
    listed = node.client.call(
        ListParameters, f'{node.name}/list_parameters', ListParameters.Request()
    ).result.names
    assert set(SETTINGS) <= set(listed)
    assert 'health.input_timeout_ms' in listed


def test_a_description_has_text_range_choices_and_read_only(node: NodeUnderTest) -> None:
    deadline = describe(node, 'deadline_ms')
    assert deadline.description == SETTINGS['deadline_ms'].rule.text
    assert deadline.floating_point_range[0].from_value == 0.0
    threads = describe(node, 'execution.intra_op_threads').integer_range[0]
    assert (threads.from_value, threads.to_value) == (0, 256)
    assert describe(node, 'executor').read_only and not deadline.read_only
    assert 'one of sensor_data, reliable' in describe(node, 'sensor_qos').additional_constraints


@pytest.mark.parametrize(
    ('name', 'given', 'reason'),
    [
        ('deadline_ms', -1.0, 'deadline_ms'),  # below the range
        ('deadline_ms', 'soon', "'deadline_ms' is not valid; got 'soon'; expected float >= 0"),
        ('deadline_ms', True, 'expected float >= 0'),  # not a number
        ('deadline_ms', None, 'expected float >= 0'),  # `ros2 param delete`
        ('deadline_ms', float('nan'), 'out of range'),  # not a number, either
        ('health.max_drop_ratio', 2.0, 'health.max_drop_ratio'),  # above the range
        ('sensor_qos', 'best', 'one of sensor_data, reliable'),  # not a choice
        ('executor', 'events', 'read'),  # read-only
        ('deadline', 50.0, 'undeclared'),  # there is no such parameter
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_the_reason_and_changes_nothing(
    node: NodeUnderTest, name: str, given: Any, reason: str
) -> None:
    node.unconfigure()
    before = node.client.parameter(node.name, name) if name in SETTINGS else None
    result = node.client.set_parameter(node.name, name, given)
    assert not result.successful
    assert reason in result.reason
    if name in SETTINGS:
        assert node.client.parameter(node.name, name) == before


@pytest.mark.parametrize('given', [50, 50.0, 0])
def test_a_whole_number_is_a_number(node: NodeUnderTest, given: float) -> None:
    assert node.client.set_parameter(node.name, 'deadline_ms', given).successful
    assert node.client.parameter(node.name, 'deadline_ms') == given


def test_what_acts_at_configure_is_refused_while_configured(node: NodeUnderTest) -> None:
    name = 'execution.intra_op_threads'
    node.serve(model='tiny', execution__intra_op_threads=1)
    for verb in (None, 'deactivate'):  # what is refused to an active node is to an inactive one
        assert verb is None or node.change(verb)
        result = node.client.set_parameter(node.name, name, 2)
        assert not result.successful
        assert 'no change while the node is configured (now 1)' in result.reason
        assert 'clean up' in result.reason
    assert node.client.parameter(node.name, name) == 1
    assert node.client.set_parameter(node.name, name, 1).successful  # no change
    node.serve(model='tiny', execution__intra_op_threads=2)
    assert node.client.parameter(node.name, name) == 2


def test_of_values_set_together_none_is_taken_when_one_is_wrong(node: NodeUnderTest) -> None:
    def parameters(*pairs: tuple[str, Any]) -> list[Any]:
        return [Parameter(name, value=value).to_parameter_msg() for name, value in pairs]

    assert node.client.set_parameter(node.name, 'deadline_ms', 70.0).successful
    wrong = parameters(('deadline_ms', 80.0), ('health.max_drop_ratio', 'x'))
    service = f'{node.name}/set_parameters_atomically'
    request = SetParametersAtomically.Request(parameters=wrong)
    assert not node.client.call(SetParametersAtomically, service, request).result.successful
    assert node.client.parameter(node.name, 'deadline_ms') == 70.0
    separate = SetParameters.Request(parameters=wrong)
    results = node.client.call(SetParameters, f'{node.name}/set_parameters', separate).results
    assert [result.successful for result in results] == [True, False]
    assert node.client.parameter(node.name, 'deadline_ms') == 80.0


@pytest.mark.parametrize(
    ('given', 'cameras'),
    [
        (None, []),  # not given
        ('[]', []),  # which comes from the command line as no value at all
        ('[front]', ['front']),  # one
        ('["front", "left"]', ['front', 'left']),  # two
    ],
)
def test_a_list_that_is_empty_is_still_a_list_of_its_type(
    tmp_path: Path, client_node: Client, given: str | None, cameras: list[str]
) -> None:
    wish = {} if given is None else {'cameras': given}
    with running_node(tmp_path, client_node, name='/fresh', **wish) as fresh:
        request = GetParameters.Request(names=['cameras'])
        service = f'{fresh.name}/get_parameters'
        (got,) = client_node.call(GetParameters, service, request).values
        assert got.type == ParameterType.PARAMETER_STRING_ARRAY
        assert list(got.string_array_value) == cameras
        for value in (['a', 'b'], [], cameras):
            assert client_node.set_parameter(fresh.name, 'cameras', value).successful


def test_a_text_where_a_list_is_meant_is_refused_at_the_start(
    tmp_path: Path, client_node: Client
) -> None:
    with running_node(tmp_path, client_node, name='/wrong', cameras='front') as wrong:
        wrong.process.wait_for_log("'cameras' is not valid; got 'front'; expected list of str")
        assert wrong.process.wait() != 0


@dataclass(frozen=True, slots=True)
class Wishes:
    model: str = declared('m@1', 'What is wished for.')


class Asked:
    """A node whose parameters refuse what starts with 'bad', and tell who was asked."""

    def __init__(self, context: Context) -> None:
        self.node = Node('asked', context=context)
        self.checked: list[str] = []
        self.changed: list[tuple[str, str]] = []
        self.parameters = Parameters(
            self.node,
            Wishes,
            lambda: False,
            self._check,
            lambda old, new: self.changed.append((old.model, new.model)),
        )

    def _check(self, old: Wishes, new: Wishes) -> None:
        self.checked.append(new.model)
        if new.model.startswith('bad'):
            raise SwapError('there is no such model')


@pytest.fixture
def asked(client_node: Client) -> Iterator[Asked]:
    asked = Asked(client_node.node.context)
    yield asked
    asked.node.destroy_node()


def test_a_correction_asks_nobody_and_is_seen_by_everybody(asked: Asked) -> None:
    asked.parameters.correct('model', 'bad@1')
    assert (asked.checked, asked.changed) == ([], [])
    assert asked.parameters.current.model == 'bad@1'
    assert asked.node.get_parameter('model').value == 'bad@1'
    (result,) = asked.node.set_parameters([Parameter('model', value='m@2')])
    assert result.successful
    assert (asked.checked, asked.changed) == (['m@2'], [('bad@1', 'm@2')])


def test_a_correction_of_a_type_that_is_not_the_declared_one_changes_nothing(asked: Asked) -> None:
    asked.parameters.correct('model', 7)
    assert asked.parameters.current.model == asked.node.get_parameter('model').value == 'm@1'


def test_a_wish_that_is_stated_during_a_correction_is_acted_on(asked: Asked) -> None:
    def wish(parameters: list[Parameter]) -> SetParametersResult:
        asked.node.remove_on_set_parameters_callback(wish)
        asked.node.set_parameters([Parameter('model', value='m@2')])
        return SetParametersResult(successful=True)

    asked.node.add_on_set_parameters_callback(wish)
    asked.parameters.correct('model', 'm@0')
    assert asked.changed == [('m@1', 'm@2')]
