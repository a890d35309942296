"""Notices other nodes of the same name, whose services and parameters nobody can tell apart."""

from __future__ import annotations

from rclpy.node import Node

PATIENCE = 25
"""Looks, a second apart: a process that was killed stays known for 20 s."""


class Namesakes:
    """Looks for other nodes of a node's name, and logs when there is one and when it is gone.

    Args:
        node: the node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._own = node.get_name(), node.get_namespace()
        self._looks = 0

    def look(self) -> str:
        """Looks once more; returns a sentence while there is another one, else nothing."""
        before = self._looks >= PATIENCE
        is_twin = self._node.get_node_names_and_namespaces().count(self._own) > 1
        self._looks = self._looks + 1 if is_twin else 0
        name = self._node.get_fully_qualified_name()
        sentence = (
            f'another node is called {name} too: requests reach either of them. '
            'Give one another name: -r __node:=other (launch argument node_name:=other)'
        )
        if self._looks == PATIENCE:
            self._node.get_logger().warning(sentence)
        elif before and not is_twin:
            self._node.get_logger().info(f'no other node is called {name} any more')
        return sentence if self._looks >= PATIENCE else ''
