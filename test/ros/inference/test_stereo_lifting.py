"""A real picture with measured depth, from its messages to an object in space, over DDS."""

from __future__ import annotations

import array
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import (
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    stamp_of,
    value,
)
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection2DArray, Detection3D, Detection3DArray

ROOT = Path(__file__).parents[3]
COCO = ROOT / 'models/coco_yolov3_tiny'
PICTURE = ROOT / 'dev/data/motorcycle_left.png'
DISPARITY = ROOT / 'dev/data/motorcycle_disp.npz'

# The calibration of Middlebury's motorcycle of 2014 at a quarter of its size.
FOCAL, CENTER, SHIFT, BASELINE_M = 994.978, (311.193, 254.877), 31.086, 0.193001
ON_IT = {
    'rear tire': (140, 310),
    'seat': (240, 200),
    'tank': (400, 220),
    'engine': (370, 330),
    'front tire': (655, 380),
}
"""Places on the motorcycle [px], chosen by eye."""
LONG_M = 2.0
"""About how long a motorcycle is; this one stands a little askew."""
EARLY_NS = 10 * 10**9


def depth_mm() -> np.ndarray:
    """Depth (500, 741) uint16 [mm] as depth cameras send it, 0 where nothing was measured."""
    disparity = np.load(DISPARITY)['arr_0'].astype(np.float64)
    meters = FOCAL * BASELINE_M / (disparity + SHIFT)
    return np.where(np.isfinite(disparity), 1000 * meters, 0).round().astype(np.uint16)


def by_hand(depth: np.ndarray) -> float:
    """Depth of the motorcycle [m]: the mean at places on it."""
    patches = [depth[y - 4 : y + 5, x - 4 : x + 5] for x, y in ON_IT.values()]
    return float(np.mean([np.median(patch[patch > 0]) for patch in patches])) / 1000


class Camera:
    """Publishes the picture, its depth and its camera info."""

    def __init__(self, node: NodeUnderTest, depth: np.ndarray) -> None:
        self.node = node
        self.picture = image_message(cv2.imread(str(PICTURE)))
        height, width = depth.shape
        self.depth = Image(height=height, width=width, encoding='16UC1', step=2 * width)
        self.depth.data = array.array('B', depth.astype('<u2').tobytes())
        self.info = CameraInfo(width=width, height=height, distortion_model='plumb_bob')
        self.info.k = np.array([FOCAL, 0, CENTER[0], 0, FOCAL, CENTER[1], 0, 0, 1])
        self.depth.header.frame_id = self.info.header.frame_id = 'camera'
        self._beside = [
            (node.client.publisher(Image, '/depth'), self.depth),
            (node.client.publisher(CameraInfo, '/camera_info'), self.info),
        ]
        for publisher, _ in self._beside:
            wait_until(publisher.get_subscription_count, 'a subscription')
        self.flat = node.results(Detection2DArray, 'detections')
        self.lifted = node.results(Detection3DArray, 'detections_3d')

    def show(self, early_ns: int = 0) -> int:
        """Publishes all three, the depth image with an earlier stamp."""
        stamp_ns = self.node.now_ns()
        for publisher, message in (*self._beside, (self.node.feed(), self.picture)):
            set_stamp(message, stamp_ns - (early_ns if message is self.depth else 0))
            publisher.publish(message)
        return stamp_ns

    def told_of(
        self, concern: str, key: str, sentence: str, early_ns: int = 0
    ) -> DiagnosticStatus:
        """Shows it until the value of a status says the sentence."""

        def told(status: DiagnosticStatus) -> bool:
            self.show(early_ns)
            return sentence in value(status, key)

        return self.node.wait_for_status(concern, told, sentence)

    def ask(self) -> tuple[Detection2DArray, Detection3DArray]:
        stamps: list[int] = []

        def answers(results: Any) -> list[Any]:
            return [message for message in results.messages if stamp_of(message) in stamps]

        def answered() -> bool:
            if not answers(self.lifted) or not answers(self.flat):
                stamps.append(self.show())
            return bool(answers(self.lifted) and answers(self.flat))

        wait_until(answered, f'a result in space; the log:\n{self.node.process.log}')
        return answers(self.flat)[0], answers(self.lifted)[0]


def motorcycle(lifted: Detection3DArray) -> Detection3D:
    (found,) = [
        one for one in lifted.detections if one.results[0].hypothesis.class_id == 'motorbike'
    ]
    return found


@pytest.mark.skipif(not (COCO / '1/model.onnx').exists(), reason=f'{COCO} is not fetched')
@pytest.mark.skipif(not DISPARITY.exists(), reason=f'{DISPARITY} is not fetched')
def test_a_real_motorcycle_is_as_far_away_as_its_disparities_say(
    tmp_path: Path, ros_domain: int
) -> None:
    depth = depth_mm()
    parameters = {'model': 'coco_yolov3_tiny', 'model_path': ROOT / 'models', 'deadline_ms': 0}
    with (
        closing(Client()) as client,
        running_node(
            tmp_path, client, name='/stereo', sensor_qos='reliable', **parameters
        ) as node,
    ):
        node.serve(stages=['lifting'])
        camera = Camera(node, depth)
        flat, lifted = camera.ask()
        assert lifted.header == flat.header and len(flat.detections) >= 1
        found = motorcycle(lifted)
        center, size = found.bbox.center.position, found.bbox.size
        assert center.z == pytest.approx(by_hand(depth), rel=0.05)
        assert size.x == pytest.approx(LONG_M, abs=0.7) and 0.1 < size.z < 1.0
        box = flat.detections[0].bbox.center.position
        assert center.x == pytest.approx((box.x - 0.5 - CENTER[0]) / FOCAL * center.z, abs=1e-3)
        assert found.results[0].pose.pose.position == center

        camera.depth.header.frame_id = 'infrared'
        status = camera.told_of('errors', 'last', "the frame 'infrared'")
        assert int(value(status, 'failed')) > 0
        camera.depth.header.frame_id = 'camera'
        camera.told_of('input', 'missing', 'depth', EARLY_NS)
        assert motorcycle(camera.ask()[1]).bbox.center.position == center
