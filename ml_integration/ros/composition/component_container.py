"""A process without nodes of its own that loads and unloads them as it is asked to."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Callable
from typing import Any

import rclpy
from composition_interfaces.srv import ListNodes, LoadNode, UnloadNode
from rclpy.qos import QoSProfile

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.composition.components import Components
from ml_integration.ros.composition.container_parameters import (
    ContainerParameters,
    admission_of,
)
from ml_integration.ros.node.executor import make_executor, spin
from ml_integration.ros.node.parameter_binding import Parameters
from ml_integration.ros.node.program import run_program

# As of rclcpp's containers, which launch files and people expect.
NAME = 'ComponentManager'
# Requests wait while a node that was loaded before is configured.
QUEUE = QoSProfile(depth=200)


class ComponentContainer:
    """Nodes of one process, and the services by which they come and go.

    Services:
        `~/_container/load_node` (composition_interfaces/LoadNode): plug-ins are entry points
            of the group `rclpy_components`, named `package::Class`.
        `~/_container/unload_node` (composition_interfaces/UnloadNode)
        `~/_container/list_nodes` (composition_interfaces/ListNodes)
    Parameters:
        see `ContainerParameters`.

    Args:
        name: the name of the node that has the services.
        parameters: the class of its parameters.

    Raises:
        SettingError: a parameter from a file or the command line is not allowed.
    """

    def __init__(
        self, name: str, parameters: type[ContainerParameters] = ContainerParameters
    ) -> None:
        self._host = rclpy.create_node(name)
        self.parameters = Parameters(
            self._host, parameters, lambda: True, lambda old, new: None, lambda old, new: None
        ).current
        self._executor = make_executor(self.parameters.executor, self._host)
        self.components = Components(self._host, self._executor)
        self.admission = admission_of(self.parameters)
        for kind, service, callback in (
            (LoadNode, 'load_node', self._answered(self._load)),
            (UnloadNode, 'unload_node', self._answered(self._unload)),
            (ListNodes, 'list_nodes', self._list),
        ):
            self._host.create_service(kind, f'~/_container/{service}', callback, qos_profile=QUEUE)

    def spin(self) -> None:
        """Serves until SIGINT or SIGTERM; a callback that fails does not end the others."""
        while self._host.context.ok():
            try:
                spin(self._executor, self._host)
            except Exception:
                self._report('a callback failed; the container goes on')

    def close(self) -> None:
        """Lets go of all nodes."""
        self.components.close()
        self._executor.shutdown()
        self._host.destroy_node()

    def _load(self, request: LoadNode.Request, response: LoadNode.Response) -> None:
        response.unique_id = self.components.load(request, self.admission)
        response.full_node_name = self.components.names()[response.unique_id]
        self._host.get_logger().info(
            f'loaded {request.plugin_name} as {response.full_node_name}, id {response.unique_id}'
        )

    def _unload(self, request: UnloadNode.Request, response: UnloadNode.Response) -> None:
        self.components.unload(request.unique_id)

    def _list(self, request: ListNodes.Request, response: ListNodes.Response) -> Any:
        names = self.components.names()
        response.unique_ids, response.full_node_names = list(names), list(names.values())
        return response

    def _answered(self, action: Callable[[Any, Any], None]) -> Callable[[Any, Any], Any]:
        """A service callback that answers with the reason when the action fails."""

        def call(request: Any, response: Any) -> Any:
            try:
                action(request, response)
                response.success = True
            except MlIntegrationError as error:
                response.error_message = str(error)
                self._host.get_logger().error(str(error))
            except Exception as error:
                response.error_message = f'{type(error).__name__}: {error}'
                self._report('a request failed')
            if not response.success:
                gc.collect()  # the error's traceback held what a failed constructor had made
            return response

        return call

    def _report(self, what: str) -> None:
        """Logs the exception under way, unless it comes of the end of the process."""
        if self._host.context.ok():
            self._host.get_logger().error(f'{what}:\n{traceback.format_exc()}')


def serve() -> None:
    """Runs an empty container until rclpy is shut down."""
    container = ComponentContainer(NAME)
    container.components.tell_strangers(None)
    try:
        container.spin()
    finally:
        container.close()


def main() -> int:
    """Runs the container as a process; returns the exit code."""
    return run_program(serve)


if __name__ == '__main__':
    sys.exit(main())
