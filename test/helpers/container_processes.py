"""A component container in a process of its own, and who asks it to load nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import odd_components
import rclpy
from composition_interfaces.srv import ListNodes, LoadNode, UnloadNode
from inference_processes import ros_arguments
from rclpy.parameter import Parameter
from ros_client import Client
from ros_processes import Process, wait_until

import ml_integration
from ml_integration.errors import MlIntegrationError

MODULE = 'ml_integration.ros.composition.component_container'
NAME = '/ComponentManager'
GONE_S = 5.0


def messages(values: dict[str, Any]) -> list[Any]:
    return [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]


def with_odd_components(folder: Path) -> dict[str, str]:
    """The environment in which a process finds `odd_components`."""
    root = Path(ml_integration.__file__).parents[1]
    return {'PYTHONPATH': os.pathsep.join([str(root), *odd_components.register(folder)])}


class ContainerUnderTest:
    """A container and its services.

    Attributes:
        process: the process it runs in.
        client: the test's own node.
        name: the container's full name.
    """

    def __init__(self, process: Process, client: Client, name: str) -> None:
        self.process = process
        self.client = client
        self.name = name

    def ask(self, plugin: str, **fields: Any) -> LoadNode.Response:
        """Asks for a node; `parameters` and `extra_arguments` are dicts."""
        for field in ('parameters', 'extra_arguments'):
            fields[field] = messages(fields.get(field, {}))
        request = LoadNode.Request(
            plugin_name=plugin, **{'package_name': plugin.partition('::')[0], **fields}
        )
        return self.client.call(LoadNode, f'{self.name}/_container/load_node', request)

    def load(self, plugin: str, **fields: Any) -> LoadNode.Response:
        """Loads a node that has to come to life."""
        answer = self.ask(plugin, **fields)
        assert (answer.success, answer.error_message) == (True, '')
        return answer

    def unload(self, number: int) -> UnloadNode.Response:
        request = UnloadNode.Request(unique_id=number)
        return self.client.call(UnloadNode, f'{self.name}/_container/unload_node', request)

    def nodes(self) -> dict[int, str]:
        answer = self.client.call(
            ListNodes, f'{self.name}/_container/list_nodes', ListNodes.Request()
        )
        return dict(zip(answer.unique_ids, answer.full_node_names, strict=True))

    def unload_all(self) -> None:
        for number in self.nodes():
            assert self.unload(number).success

    def wait_until_gone(self, name: str) -> None:
        """Waits until the network has forgotten a node, its services and its topics.

        Fast DDS 3 looks up the type of an endpoint before it tells of it, and so tells of one that
        is gone already, for ever. Whoever comes later is not told.
        """
        try:
            wait_until(lambda: not traces(self.client.node, name), f'{name} to be gone', GONE_S)
        except MlIntegrationError:
            self._wait_until_newcomers_see_nothing_of(name)

    def _wait_until_newcomers_see_nothing_of(self, name: str) -> None:
        def seen() -> list[str]:
            context = rclpy.Context()
            rclpy.init(context=context)
            try:
                node = rclpy.create_node('newcomer', context=context)
                known = f'{self.name}/_container/list_nodes'
                wait_until(lambda: traces(node, known), f'{known} to be seen')
                return traces(node, name)
            finally:
                rclpy.shutdown(context=context)

        try:
            wait_until(lambda: not seen(), f'{name} to be gone')
        except MlIntegrationError as error:
            raise AssertionError(f'{error}: {seen()}') from None


def traces(node: Any, name: str) -> list[str]:
    """What a node knows of another one, its services and its topics."""
    nodes = [f'{ns.rstrip("/")}/{n}' for n, ns in node.get_node_names_and_namespaces()]
    services = [service for service, _ in node.get_service_names_and_types()]
    topics = [topic for topic, _ in node.get_topic_names_and_types()]
    everything = (*nodes, *services, *topics)
    return [trace for trace in everything if trace == name or trace.startswith(f'{name}/')]


@contextmanager
def running_container(
    folder: Path, client: Client, name: str = NAME, **parameters: object
) -> Iterator[ContainerUnderTest]:
    """Runs a container that knows `odd_components` until the end of the block.

    Args:
        folder: where its log goes.
        client: who talks to it.
        name: its full name, which no other container of the test module may have.
        parameters: its parameters.
    """
    namespace, _, own = name.rpartition('/')
    names = ('-r', f'__ns:={namespace or "/"}', '-r', f'__node:={own}') if name != NAME else ()
    command = ['-m', MODULE, *ros_arguments(**parameters), *names]
    process = Process(command, folder / 'container.log', with_odd_components(folder))
    try:
        yield ContainerUnderTest(process, client, name)
    finally:
        process.end()
