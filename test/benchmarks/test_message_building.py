"""The task that is measured makes the message that it is measured with."""

from __future__ import annotations

from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from benchmarks.side_by_side.message_building import _prediction, _task, _typed


def test_both_ways_that_are_compared_give_the_same_message() -> None:
    header, prediction = Header(frame_id='camera'), _prediction()
    ((_, serialized),) = _task().serialize(prediction, header)
    message = deserialize_message(serialized, Detection2DArray)
    typed = _typed(prediction.result, header)
    assert len(message.detections) == len(typed.detections) == 100
    for ours, naive in zip(message.detections, typed.detections, strict=True):
        assert ours.results[0].hypothesis == naive.results[0].hypothesis
        assert abs(ours.bbox.center.position.x - naive.bbox.center.position.x) < 1e-3
        assert abs(ours.bbox.size_x - naive.bbox.size_x) < 1e-3
