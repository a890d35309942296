"""Makes the streams of one inference node and the publishers of their results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from rclpy.node import Node

from ml_integration.core.abilities import Drawing
from ml_integration.core.arrivals import Observation
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import SettingError
from ml_integration.ros.inference.result_publisher import ResultPublisher
from ml_integration.ros.inference.spectators import Overlay, Provenance
from ml_integration.serving.freezing import Freezer, Freezing
from ml_integration.serving.streams import Sink, Stream
from ml_integration.serving.witness import Witness


def make_stream(
    node: Node,
    name: str,
    pipeline: Pipeline,
    watching: Sink,
    freezer: Freezer,
    witness: Witness,
    resources: ExitStack,
) -> Stream:
    """Makes a stream and the publishers of its results.

    Args:
        node: the node that owns the topics.
        name: '' for the only stream of a node, whose topics have no further name.
        pipeline: serves first; others that take its place have the same task and inputs.
        watching: shows its runs to the watches of the node.
        freezer: keeps its last runs.
        witness: sees its runs for a rollout.
        resources: is told how to let go of each publisher.
    """
    below = f'~/{name}' if name else '~'
    results = ResultPublisher(node, pipeline.topics, resources, below)
    freezing = Freezing(freezer, lambda: tuple(results.sent))
    spectators: list[Sink] = [Provenance(node, below, resources), watching, freezing, witness]
    if pipeline.picture and isinstance(pipeline.task, Drawing):
        spectators.insert(0, Overlay(node, below, resources))
    topic = pipeline.wiring.trigger_topic

    def failed(observation: Observation, failing: Pipeline, reason: str) -> None:
        freezing.failed(observation, failing, reason)
        witness.failed(observation, failing, reason)

    return Stream(name, topic, results, spectators, failed)


def announce_task(node: Node, streams: Sequence[Stream], pipeline: Pipeline) -> None:
    """Publishes what the task of the serving pipeline tells about itself, such as its classes.

    What a plug-in does wrong there is logged, once per model.
    """
    for stream in streams:
        if isinstance(stream.results, ResultPublisher):
            try:
                stream.results.announce(pipeline.task)
            except Exception as error:
                what = f'{pipeline.model.identity} cannot tell about itself'
                node.get_logger().error(f'{what}: {type(error).__name__}: {error}')


def check_names(names: Sequence[str], where: str) -> None:
    """Checks that each stream's name can be a part of a topic's name.

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
