# ruff: noqa: E501 - a hash is as long as it is
"""The message packages are the ones that other nodes on the network know."""

from __future__ import annotations

import importlib
import json
import re
import uuid
from pathlib import Path

import pytest
import rclpy
from ament_index_python import get_package_share_directory
from rclpy.serialization import deserialize_message, serialize_message

# Of vision_msgs 4.1.1 and composition_interfaces 2.2.0 as released; RIHS01 hashes.
PUBLISHED = dict(
    line.split()
    for line in """
vision_msgs/msg/Detection2DArray 214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968
vision_msgs/msg/Detection2D 0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea
vision_msgs/msg/Detection3DArray 793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018
vision_msgs/msg/Classification f74db28d0eaef3afb78f48bf2161cd709a1383a0309d3454383b25be11345143
vision_msgs/msg/LabelInfo 3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783
vision_msgs/msg/VisionInfo 95d3116a17484ad91c9a2686e1d54890bbfc3ff6c6a2de137738c4950d45d284
composition_interfaces/srv/LoadNode 2e521ef6066fba6d7fc3a3b175d486709f01b4d738d9a59188858546fc8e5acd
composition_interfaces/srv/UnloadNode dce562f83adc735ddcfe9dfb927b89293d4dd0fe2b8fc91e772fb83e970a43b0
composition_interfaces/srv/ListNodes 13f30d73a74c844ee4bacf78f3680f08777cad137f10fbd6a648544cc7b59d2a
""".strip().splitlines()
)
MESSAGES = (
    'BoundingBox2D',
    'BoundingBox2DArray',
    'BoundingBox3D',
    'BoundingBox3DArray',
    'Classification',
    'Detection2D',
    'Detection2DArray',
    'Detection3D',
    'Detection3DArray',
    'LabelInfo',
    'ObjectHypothesis',
    'ObjectHypothesisWithPose',
    'Point2D',
    'Pose2D',
    'VisionClass',
    'VisionInfo',
)
SERVICES = ('ListNodes', 'LoadNode', 'UnloadNode')


def generated_hash(interface: str) -> str:
    """Hash in the description that was generated along with the code."""
    package, kind, name = interface.split('/')
    file = Path(get_package_share_directory(package)) / kind / f'{name}.json'
    hashes = json.loads(file.read_text())['type_hashes']
    (found,) = [entry['hash_string'] for entry in hashes if entry['type_name'] == interface]
    return found


def filled(type_name: str) -> object:
    """A value of an IDL type with nothing left at its default."""
    sequence = re.fullmatch(r'sequence<([^,>]+).*>', type_name)
    if sequence:
        return [filled(sequence[1]), filled(sequence[1])]
    array = re.fullmatch(r'(.+)\[(\d+)\]', type_name)
    if array:
        return [filled(array[1])] * int(array[2])
    if '/' in type_name:
        package, name = type_name.split('/')
        return filled_message(getattr(importlib.import_module(f'{package}.msg'), name))
    values = {'string': 'abc', 'boolean': True, 'float': 1.5, 'double': 2.5, 'octet': b'\7'}
    return values.get(type_name, 7)


def filled_message(kind: type) -> object:
    message = kind()
    for field, type_name in kind.get_fields_and_field_types().items():
        setattr(message, field, filled(type_name))
    return message


@pytest.mark.parametrize('interface', PUBLISHED)
def test_the_type_hash_is_the_published_one(interface: str) -> None:
    assert generated_hash(interface) == f'RIHS01_{PUBLISHED[interface]}'


def test_the_hash_announced_on_the_wire_is_the_published_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vision_msgs.msg import Detection2DArray

    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
    topic = f'/t{uuid.uuid4().hex}'
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=0)
    try:
        node = rclpy.create_node('announcer', context=context)
        node.create_publisher(Detection2DArray, topic, 1)
        (announced,) = node.get_publishers_info_by_topic(topic)
        node.destroy_node()
    finally:
        context.try_shutdown()
    expected = PUBLISHED['vision_msgs/msg/Detection2DArray']
    assert str(announced.topic_type_hash) == f'RIHS01_{expected}'


@pytest.mark.parametrize('name', MESSAGES)
def test_a_message_survives_serialization(name: str) -> None:
    kind = getattr(importlib.import_module('vision_msgs.msg'), name)
    message = filled_message(kind)
    assert message != kind()
    assert deserialize_message(serialize_message(message), kind) == message


@pytest.mark.parametrize('part', ['Request', 'Response'])
@pytest.mark.parametrize('name', SERVICES)
def test_a_service_survives_serialization(name: str, part: str) -> None:
    kind = getattr(getattr(importlib.import_module('composition_interfaces.srv'), name), part)
    message = filled_message(kind)
    assert deserialize_message(serialize_message(message), kind) == message
