"""Makes what keeps the last frames of an inference node."""

from __future__ import annotations

from pathlib import Path

from rclpy.serialization import serialize_message

from ml_integration.deploy.loaded import Loaded
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.serving.freezing import Freezer
from ml_integration.store.state.freeze_file import Freeze
from ml_integration.store.state.state_dir import StateDir, named_state_dir


def make_freezer(node: GuardedLifecycleNode[InferenceNodeParameters]) -> Freezer:
    """Makes the freezer of a node; rules of privacy would be given to it here."""
    name = node.get_fully_qualified_name()

    def folder() -> Path:
        return StateDir(named_state_dir(node.parameters.state_dir, name)).freeze_frames(name)

    def tell(sentence: str, is_written: bool) -> None:
        if node.context.ok():
            logger = node.get_logger()
            (logger.warning if is_written else logger.error)(f'freeze frame: {sentence}')

    return Freezer(folder, lambda: node.parameters.freeze_frame, _serialized, tell)


def about(node: str, serving: Loaded, image_transport: str) -> Freeze:
    """Returns what a file says of the node, yet without frames."""
    session = serving.pipeline.session
    return Freeze(node, '', image_transport, session.threads, session.graph_optimization, ())


def _serialized(message: object) -> bytes:
    return bytes(serialize_message(message))
