"""The cameras of one inference node: which there are, and where their results go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from rclpy.node import Node

from ml_integration.core.contracts import Task
from ml_integration.errors import SettingError
from ml_integration.ros.inference.result_publisher import ResultPublisher
from ml_integration.ros.inference.side_outputs import SideOutputs


class Camera:
    """One stream of pictures and the publishers of its results.

    Args:
        node: the node that owns the topics.
        name: '' for the only camera of a node, whose topics have no further name.
        topic: the model's input topic, as in its manifest.
        task: makes the results.
        resources: is told how to let go of each publisher.
    """

    def __init__(
        self, node: Node, name: str, topic: str, task: Task, resources: ExitStack
    ) -> None:
        self.name = name
        self.topic = f'{name}/{topic}' if name else topic
        below = f'~/{name}' if name else '~'
        self.results = ResultPublisher(node, task, resources, below)
        self.side_outputs = SideOutputs(node, resources.callback, below)


def check_cameras(names: Sequence[str], where: str) -> None:
    """Checks that each name can be a part of a topic's name.

    Raises:
        SettingError: one cannot, or is given twice.
    """
    counts = Counter(names)
    for name in names:
        if not re.fullmatch(r'[A-Za-z]\w*', name, re.ASCII) or '__' in name or counts[name] > 1:
            raise SettingError(
                'cameras',
                list(names),
                'each name once, of letters, digits and single _, with a letter first',
                where=where,
                hint=f"Correct '{name}'; topics are mapped to it as usual: "
                '-r front/image:=/front/image_raw.',
            )
