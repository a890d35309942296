"""Nodes come into a running process and leave it, as `ros2 component` asks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from container_processes import NAME, ContainerUnderTest, running_container
from inference_processes import ros_arguments
from rcl_interfaces.msg import Log
from ros_client import Client
from ros_processes import Process, wait_until
from std_srvs.srv import Trigger

EXECUTORS = ('events', 'single_threaded')


@pytest.fixture(scope='module')
def shared(
    ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerUnderTest]:
    folder = tmp_path_factory.mktemp('container')
    with closing(Client()) as client, running_container(folder, client) as running:
        yield running


@pytest.fixture
def container(shared: ContainerUnderTest) -> Iterator[ContainerUnderTest]:
    """A container without nodes; all tests share its process."""
    yield shared
    shared.unload_all()
    assert shared.process.returncode is None


def say(container: ContainerUnderTest, node: str) -> str:
    answer: Trigger.Response = container.client.call(Trigger, f'{node}/say', Trigger.Request())
    return answer.message


def test_it_has_the_names_and_types_that_launch_files_and_ros2_component_look_for(
    container: ContainerUnderTest,
) -> None:
    assert container.nodes() == {}
    graph = container.client.node
    found = dict(graph.get_service_names_and_types_by_node(NAME.lstrip('/'), '/'))
    for name, kind in (
        ('load_node', 'LoadNode'),
        ('unload_node', 'UnloadNode'),
        ('list_nodes', 'ListNodes'),
    ):
        assert found[f'{NAME}/_container/{name}'] == [f'composition_interfaces/srv/{kind}']


def test_a_loaded_node_is_listed_and_an_unloaded_one_is_gone(
    container: ContainerUnderTest,
) -> None:
    first = container.load('odd::Plain', node_name='one', node_namespace='/a')
    second = container.load('odd::Startable', node_name='two')
    assert (first.full_node_name, second.full_node_name) == ('/a/one', '/two')
    assert container.nodes() == {first.unique_id: '/a/one', second.unique_id: '/two'}
    assert container.client.state('/two') == 'unconfigured'
    assert container.unload(second.unique_id).success
    container.wait_until_gone('/two')
    assert container.nodes() == {first.unique_id: '/a/one'}
    assert say(container, '/a/one')


def test_an_id_is_never_given_twice(container: ContainerUnderTest) -> None:
    numbers = []
    for _ in range(3):
        numbers.append(container.load('odd::Plain').unique_id)
        assert container.unload(numbers[-1]).success
    assert 0 < numbers[0] < numbers[1] < numbers[2]


def test_what_a_node_holds_is_released_when_it_is_unloaded(container: ContainerUnderTest) -> None:
    answer = container.load('odd::Startable', node_name='held', parameters={'autostart': True})
    container.client.wait_for_state('/held', 'active')
    assert container.unload(answer.unique_id).success
    container.process.wait_for_log('/held is released')
    container.wait_until_gone('/held')


def test_to_unload_what_is_not_there_is_answered(container: ContainerUnderTest) -> None:
    number = container.load('odd::Plain').unique_id
    answer = container.unload(number + 1)
    assert not answer.success
    assert answer.error_message == (
        f'{NAME}: there is no node with id {number + 1}; expected one of {number}'
    )


@pytest.mark.parametrize(
    ('fields', 'name'),
    [
        ({}, '/plain'),  # the name that the node gives itself
        ({'node_name': 'x'}, '/x'),
        ({'node_namespace': '/deep/er'}, '/deep/er/plain'),
        ({'node_name': 'x', 'node_namespace': 'relative'}, '/relative/x'),
        ({'node_name': 'x', 'node_namespace': '/'}, '/x'),
        ({'remap_rules': ['__node:=x', '__ns:=/y']}, '/y/x'),
        ({'node_name': 'x', 'remap_rules': ['__node:=y']}, '/y'),  # the first rule, as in rclcpp
    ],
)
def test_a_node_gets_the_name_it_is_given(
    fields: dict[str, Any], name: str, container: ContainerUnderTest
) -> None:
    assert container.load('odd::Plain', **fields).full_node_name == name
    assert list(container.nodes().values()) == [name]


def test_remap_rules_are_for_one_node(container: ContainerUnderTest) -> None:
    container.load('odd::Plain', node_name='left', remap_rules=['words:=/left_words'])
    container.load('odd::Plain', node_name='right')
    graph = container.client.node

    def topics(node: str) -> set[str]:
        return {name for name, _ in graph.get_publisher_names_and_types_by_node(node, '/')}

    wait_until(lambda: '/left_words' in topics('left'), 'the new name')
    wait_until(lambda: '/words' in topics('right'), 'the old name')
    assert '/words' not in topics('left')


@pytest.mark.parametrize(
    'value',
    [True, 7, 2.5, 'text', [True, False], [1, 2], [0.5, 1.5], ['a', 'b'], [b'\x01', b'\x02']],
    ids=str,
)
def test_parameters_of_every_type_arrive(value: Any, container: ContainerUnderTest) -> None:
    answer = container.load('odd::Plain', parameters={'given.here': value})
    arrived = container.client.parameter(answer.full_node_name, 'given.here')
    assert (list(arrived) if isinstance(value, list) else arrived) == value


@pytest.mark.parametrize(
    ('fields', 'reason'),
    [
        ({'plugin': 'odd::Plane'}, "has no component 'odd::Plane'; expected one of odd::Exits"),
        ({'plugin': 'odd::Plane'}, "Did you mean 'odd::Plain'?"),
        ({'plugin': 'odd::Plain', 'package_name': 'other'}, "package 'other' has no component"),
        ({'plugin': ''}, "has no component ''"),
        ({'plugin': 'odd::NoModule'}, "No module named 'module_that_is_not_there'"),
        ({'plugin': 'odd::NoClass'}, "has no attribute 'Missing'"),
        ({'plugin': 'odd::NoNode'}, "component 'odd::NoNode' is no node"),
        ({'plugin': 'odd::FailsAtOnce'}, 'ZeroDivisionError: oops before anything is there'),
        ({'plugin': 'odd::FailsLate'}, 'ZeroDivisionError: oops when everything is there'),
        ({'plugin': 'odd::Exits'}, 'SystemExit: enough'),
        ({'parameters': {'autostart': 'perhaps'}}, "'autostart' is not valid"),
        ({'remap_rules': ['nonsense']}, "'remap_rules' is not valid; got 'nonsense'"),
        ({'node_name': '9 lives'}, "'node_name' is not valid; got '9 lives'"),
        ({'node_namespace': 'a//b'}, "'node_namespace' is not valid; got 'a//b'"),
        ({'log_level': 7}, "'log_level' is not valid; got 7; expected one of 0, 10"),
        ({'extra_arguments': {'speed': True}}, "'extra_arguments.speed' is not valid"),
        ({'extra_arguments': {'enable_rosout': 1}}, 'got 1; expected a bool'),
    ],
)  # fmt: skip
def test_a_node_that_cannot_be_made_is_answered_with_the_reason_and_leaves_nothing_behind(
    fields: dict[str, Any], reason: str, container: ContainerUnderTest
) -> None:
    container.load('odd::Plain', node_name='other', node_namespace='/unharmed')
    fields = {'plugin': 'odd::Startable', 'node_name': 'refused', **fields}
    logged_before = len(container.process.log)
    answer = container.ask(**fields)
    assert (answer.success, answer.unique_id, answer.full_node_name) == (False, 0, '')
    assert reason in answer.error_message
    is_of_the_program = any(
        error in reason for error in ('Error: ', 'Exit: ', 'No module', 'has no a')
    )
    logged = container.process.log[logged_before:]
    assert ('Traceback' in logged) is is_of_the_program
    container.wait_until_gone('/refused')
    assert list(container.nodes().values()) == ['/unharmed/other']
    assert container.load('odd::Plain', node_name='refused').success


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        ({'node_name': 'x'}, {'node_name': 'x'}),
        ({}, {}),  # the name that the class has
        ({'node_name': 'x', 'node_namespace': '/'}, {'node_name': 'x'}),  # written differently
    ],
)
def test_a_second_node_of_a_name_is_refused_and_the_first_one_keeps_its_log(
    first: dict[str, Any], second: dict[str, Any], container: ContainerUnderTest
) -> None:
    name = container.load('odd::Plain', **first).full_node_name
    answer = container.ask('odd::Plain', **second)
    assert not answer.success
    assert f"there is a node '{name}' already" in answer.error_message
    log = container.client.collect(Log, '/rosout')
    wait_until(lambda: say(container, name) and log.messages, f'{name} on /rosout')
    log.wait_for(lambda entry: entry.name == name.lstrip('/'), f'{name}')


def test_a_name_that_only_a_rule_reveals_is_refused_too(container: ContainerUnderTest) -> None:
    container.load('odd::Plain', node_name='x')
    answer = container.ask('odd::Plain', remap_rules=['__node:=x'])
    assert "there is a node '/x' already" in answer.error_message
    assert list(container.nodes().values()) == ['/x']


def test_no_node_gets_the_name_of_the_container(container: ContainerUnderTest) -> None:
    answer = container.ask('odd::Plain', node_name=NAME.lstrip('/'))
    assert f"there is a node '{NAME}' already" in answer.error_message


def test_the_answer_does_not_wait_for_a_node_that_starts_by_itself(
    container: ContainerUnderTest, tmp_path: Path
) -> None:
    file = tmp_path / 'go'
    answer = container.load(
        'odd::Startable',
        node_name='slow',
        parameters={'autostart': True, 'wait_for': str(file)},
    )
    assert '/slow is configured' not in container.process.log
    file.touch()
    container.client.wait_for_state(answer.full_node_name, 'active')


@pytest.mark.parametrize('plugin', ['odd::Startable', 'odd::Plain'])
def test_a_node_that_is_not_asked_to_start_does_not(
    plugin: str, container: ContainerUnderTest
) -> None:
    container.load(plugin, node_name='quiet', parameters={'autostart': plugin == 'odd::Plain'})
    waits = container.load('odd::Startable', node_name='last', parameters={'autostart': True})
    container.client.wait_for_state(waits.full_node_name, 'active')
    assert '/quiet is configured' not in container.process.log


def test_a_start_that_fails_is_logged_and_the_node_stays(container: ContainerUnderTest) -> None:
    container.load('odd::Unstartable', node_name='lame', parameters={'autostart': True})
    container.process.wait_for_log('ZeroDivisionError: oops in autostart')
    assert container.client.state('/lame') == 'unconfigured'


@pytest.mark.parametrize(
    ('plugin', 'extra', 'expected'),
    [
        ('odd::IntraProcess', {'use_intra_process_comms': True}, 'True'),
        ('odd::IntraProcess', {'use_intra_process_comms': False}, 'None'),
        ('odd::IntraProcess', {}, 'None'),
        ('odd::Plain', {'use_intra_process_comms': True}, 'None'),  # does not know the keyword
    ],
)
def test_only_nodes_that_can_hand_messages_over_are_asked_to(
    plugin: str, extra: dict[str, bool], expected: str, container: ContainerUnderTest
) -> None:
    answer = container.load(plugin, extra_arguments=extra)
    assert say(container, answer.full_node_name) == f'intra_process={expected}'


@pytest.mark.parametrize(
    ('level', 'lines'),
    [
        (0, ['info', 'error']),  # that of the process
        (10, ['debug', 'info', 'error']),
        (40, ['error']),
    ],
)
def test_each_node_has_a_log_level_of_its_own(
    level: int, lines: list[str], container: ContainerUnderTest
) -> None:
    for name, given in (('loud', level), ('usual', 0)):
        container.load('odd::Plain', node_name=name, log_level=given)
        logged = len(container.process.log)
        say(container, f'/{name}')
        last = f'[{name}]: this is error'
        wait_until(lambda s=last, n=logged: s in container.process.log[n:], 'the log')
        lines_now = container.process.log[logged:].splitlines()
        found = [line for line in lines_now if f'[{name}]' in line]
        expected = lines if name == 'loud' else ['info', 'error']
        assert [line.rpartition(' ')[2] for line in found] == expected


@pytest.mark.parametrize('executor', EXECUTORS)
def test_a_callback_that_fails_ends_neither_the_process_nor_the_other_nodes(
    executor: str, client_node: Client, tmp_path: Path
) -> None:
    with running_container(tmp_path, client_node, '/own', executor=executor) as container:
        container.load('odd::Plain', node_name='bad')
        container.load('odd::Plain', node_name='good')
        client = client_node.node.create_client(Trigger, '/bad/fail')
        assert client.wait_for_service(10)
        client.call_async(Trigger.Request())
        container.process.wait_for_log('ZeroDivisionError: oops in a service')
        client_node.node.destroy_client(client)
        assert say(container, '/good')
        container.unload_all()
        container.wait_until_gone('/bad')


@pytest.mark.parametrize('executor', EXECUTORS)
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_releases_all_nodes_and_ends_the_process_in_silence(
    number: signal.Signals, executor: str, client_node: Client, tmp_path: Path
) -> None:
    with running_container(tmp_path, client_node, '/own', executor=executor) as container:
        for name in ('one', 'two'):
            container.load('odd::Startable', node_name=name, parameters={'autostart': True})
            client_node.wait_for_state(f'/{name}', 'active')
        container.load('odd::Plain')
        logged = len(container.process.log)
        container.process.send(number)
        assert container.process.wait() == 0
        assert container.process.log[logged:] == '/two is released\n/one is released\n'


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (ros_arguments(executor='quick'), "'executor' is not valid; got 'quick'; expected str"),
        (['--ros-args', '--parms-file', 'x'], '--parms-file'),  # a typo
    ],
)
def test_a_wrong_argument_ends_the_process_with_one_sentence(
    arguments: list[str], sentence: str, ros_domain: int, tmp_path: Path
) -> None:
    process = Process(
        ['-m', 'ml_integration.ros.composition.component_container', *arguments], tmp_path / 'log'
    )
    assert process.wait() == 1
    (line,) = (line for line in process.log.splitlines() if not line.startswith('['))
    assert sentence in line


def test_the_container_takes_a_name_and_a_namespace_that_its_nodes_do_not_get(
    client_node: Client, tmp_path: Path
) -> None:
    with running_container(tmp_path, client_node, '/robot/mine') as container:
        assert container.load('odd::Plain').full_node_name == '/plain'
