"""The bare node answers with the header of the picture, so that its results can be counted."""

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from benchmarks.bare_node import DETECTIONS, copy_header, example


def test_its_result_has_the_stamp_and_the_number_of_the_picture() -> None:
    picture = Image(height=1, width=1, encoding='mono8', step=1, data=[7])
    picture.header.stamp.sec, picture.header.stamp.nanosec = 12, 34
    picture.header.frame_id = '1056'
    result = bytearray(serialize_message(example()))
    assert copy_header(serialize_message(picture), result) == 12_000_000_034
    message = deserialize_message(bytes(result), Detection2DArray)
    assert message.header.stamp == picture.header.stamp
    assert int(message.header.frame_id) == 1056
    assert [d.results[0].hypothesis.class_id for d in message.detections] == [
        'person'
    ] * DETECTIONS
