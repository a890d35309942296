"""The nodes of one process that come and go while it runs."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Sequence
from typing import Any

from composition_interfaces.srv import LoadNode
from rclpy.node import Node

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.composition.component_loading import (
    component_class,
    component_point,
    construct,
    destroy,
)
from ml_integration.ros.composition.container_parameters import Admission
from ml_integration.ros.composition.node_options import (
    INTRA_PROCESS,
    extra_arguments,
    foreseen_name,
    log_level,
    node_options,
)
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.strangers import (
    assignments,
    nobodys_parameters,
    stray_sentences,
    unknown_names,
    unknown_sentence,
)


class Components:
    """Loads nodes by the name of their plug-in, all of them onto one executor.

    All methods are for the executor's thread.

    Args:
        host: the node that stands for the process; it logs, and its name is taken.
        executor: dispatches the callbacks of every node.
    """

    def __init__(self, host: Node, executor: Any) -> None:
        self._host = host
        self._logger = host.get_logger()
        self._executor = executor
        self._nodes: dict[int, Node] = {}
        self._leaving: list[Node] = []
        self._last_id = 0
        self._default_names: dict[str, str] = {}

    def names(self) -> dict[int, str]:
        """The full names of the loaded nodes by their ids, in order of loading."""
        return {number: node.get_fully_qualified_name() for number, node in self._nodes.items()}

    def load(self, request: LoadNode.Request, admission: Admission) -> int:
        """Makes the node that is asked for and returns its id, which no other one ever gets.

        A node whose parameter `autostart` is true is configured and activated soon afterwards.

        Args:
            request: says which node, and how.
            admission: what whoever asks may ask for.

        Raises:
            MlIntegrationError: the request cannot be met; nothing has changed.
        """
        where = self._host.get_fully_qualified_name()
        point = component_point(request.package_name, request.plugin_name)
        admission.check_plugin(point.name, where)
        cls = component_class(point, self._logger)
        level = log_level(request, where)
        options = node_options(request, cls, self._host.context, where)
        if issubclass(cls, GuardedLifecycleNode):
            options['limits'] = admission.limits
        # Before the node is made: one more of a name ends the log on /rosout of the first one.
        default_name = self._default_names.get(request.plugin_name, '')
        self._require_free(foreseen_name(request, default_name))
        self._tell_ignored(request, options)
        node = construct(cls, options, self._logger)
        try:
            self._require_free(node.get_fully_qualified_name())
            node.get_logger().set_level(level)
            self._executor.add_node(node)
        except Exception:
            destroy(node)
            raise
        if not request.node_name:
            self._default_names[request.plugin_name] = node.get_name()
        self._last_id += 1
        self._nodes[self._last_id] = node
        if isinstance(node, GuardedLifecycleNode):
            own = {item.name for item in request.parameters}
            unknown = [name for name in unknown_names(node) if name in own]
            node.tell_strangers(unknown_sentence(name, node) for name in unknown)
        self._executor.create_task(self._autostart, self._last_id)
        return self._last_id

    def unload(self, number: int) -> None:
        """Releases and destroys a node.

        Raises:
            MlIntegrationError: there is no node of that id.
        """
        node = self._nodes.pop(number, None)
        if node is None:
            raise MlIntegrationError(
                f'there is no node with id {number}',
                where=self._host.get_fully_qualified_name(),
                expected=f'one of {", ".join(map(str, self._nodes))}' if self._nodes else '',
            )
        self._executor.remove_node(node)
        self._leaving.append(node)
        # EventsExecutor lets go of a node's services after this callback, and only if they exist.
        self._executor.create_task(self._destroy_leaving)

    def tell_strangers(self, arguments: Sequence[str] | None) -> None:
        """Warns of what the command line gives to the nodes and none of them knows.

        Args:
            arguments: the command line; that of the process if None.
        """
        nodes = [self._host, *self._nodes.values()]
        names = [node.get_fully_qualified_name() for node in nodes]
        sentences = [*nobodys_parameters(nodes), *stray_sentences(assignments(arguments), names)]
        ours = [node for node in nodes if isinstance(node, GuardedLifecycleNode)]
        for node in ours:
            node.tell_strangers(text for text in sentences if text not in node.strangers)
        for sentence in () if ours else sentences:
            self._logger.warning(sentence)

    def close(self) -> None:
        """Unloads everything, the last loaded first."""
        for node in self._nodes.values():
            self._executor.remove_node(node)
        self._leaving.extend(self._nodes.values())
        self._nodes.clear()
        self._destroy_leaving()

    def _destroy_leaving(self) -> None:
        """Destroys what was unloaded; a task, out of which nothing may be raised."""
        while self._leaving:
            try:
                destroy(self._leaving.pop())
            except Exception:
                self._report('a node could not be unloaded without errors; went on all the same')
        gc.collect()  # nodes are cyclic, and what they leave to the collector is on the network

    def _autostart(self, number: int) -> None:
        """Starts a node; a task, out of which nothing may be raised."""
        node: Any = self._nodes.get(number)
        try:
            if node is not None and _wants_autostart(node):
                node.autostart()
            elif isinstance(node, GuardedLifecycleNode):
                node.tell_next('configure', 'is unconfigured; to go on')
        except Exception:
            self._report(f'{self.names()[number]} could not be started')

    def _require_free(self, name: str) -> None:
        if name in (self._host.get_fully_qualified_name(), *self.names().values()):
            raise MlIntegrationError(
                f"there is a node '{name}' already",
                where=self._host.get_fully_qualified_name(),
                hint='Give the new one another name or namespace, or unload the old one.',
            )

    def _tell_ignored(self, request: LoadNode.Request, options: dict[str, Any]) -> None:
        wished = extra_arguments(request, '').get(INTRA_PROCESS, False)
        if wished and 'intra_process' not in options:
            self._logger.debug(
                f'{request.plugin_name} takes its messages over the network, also from this '
                f'process; {INTRA_PROCESS} is ignored'
            )

    def _report(self, what: str) -> None:
        """Logs the exception under way, unless it comes of the end of the process."""
        if self._host.context.ok():
            self._logger.error(f'{what}:\n{traceback.format_exc()}')


def _wants_autostart(node: Node) -> bool:
    declared = hasattr(node, 'autostart') and node.has_parameter('autostart')
    return declared and node.get_parameter('autostart').value is True
