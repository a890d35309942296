"""Where somebody publishes the truth it decides about a candidate, by labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from inference_processes import value
from model_folders import write_model_folder
from ros_processes import wait_until
from swapping_nodes import SwappingNode, swapping_node
from vision_msgs.msg import Detection2DArray

LABELS = ('red', 'green', 'blue')
PATIENCE_S = 90.0
SETTINGS: dict[str, Any] = {
    'rollout__minimum_frames': 100,
    'rollout__spare_cpus': 0.0,
    'rollout__minimum_s': 2.0,
    'rollout__unlike_latency_ratio': 1e6,
    'rollout__disagreement': 1.0,
    'rollout__memory_growth_mb': 1e5,
}


@pytest.fixture
def node(ros_domain: int, tmp_path: Path) -> Iterator[SwappingNode]:
    """Serves m@1; m@2 has other words for the same objects."""
    write_model_folder(tmp_path, 'm', 1, labels=LABELS)
    write_model_folder(tmp_path, 'm', 2, labels=(*LABELS[1:], LABELS[0]))
    with ExitStack() as resources:
        running = resources.enter_context(
            swapping_node(tmp_path, tmp_path, model='m@1', state_dir=tmp_path / 's', **SETTINGS)
        )
        running.serve()
        yield running


def test_shuffled_labels_are_taken_back_by_truth(node: SwappingNode) -> None:
    truth = node.client.publisher(Detection2DArray, f'{node.name}/ground_truth')
    wait_until(truth.get_subscription_count, 'a subscription to ground truth')
    told = 0

    def ended() -> bool:
        nonlocal told
        for answer in answers[told:]:
            truth.publish(answer)
        told = len(answers)
        return value(node.status('rollout'), 'phase') == 'rolled back'

    with node.frames_flowing() as answers:
        assert node.client.set_parameter(node.name, 'rollout.candidate', 'm@2').successful
        wait_until(ended, 'the candidate to be taken back', PATIENCE_S)
    reason = value(node.status('rollout'), 'reason')
    assert ': mAP50-95 0.000 instead of 1.000 (limit -0.02, n = ' in reason
    assert node.parameter() == 'm@1'
