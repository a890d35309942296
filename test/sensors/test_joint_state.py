"""Joint states: messages in, rows of named numbers out."""

from __future__ import annotations

import array
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_integration.errors import MessageError
from ml_integration.sensors.joint_state import JointState


def message(name: list[str], **values: Any) -> SimpleNamespace:
    """A stand-in for sensor_msgs/msg/JointState; what is not given is empty."""
    fields = {field: array.array('d', values.get(field, ())) for field in FIELDS}
    return SimpleNamespace(header=SimpleNamespace(frame_id='base'), name=name, **fields)


FIELDS = ('position', 'velocity', 'effort')


@pytest.fixture
def sensor() -> JointState:
    return JointState(('samples',))


def test_a_state_becomes_one_row_with_a_name_for_each_column(sensor: JointState) -> None:
    frame = sensor.decode(message(['a', 'b'], position=[1, 2], velocity=[3, 4], effort=[5, 6]), 7)
    assert frame.data.tolist() == [[1, 2, 3, 4, 5, 6]] and frame.data.dtype == np.float64
    assert frame.names == (
        *('a.position', 'b.position'),
        *('a.velocity', 'b.velocity'),
        *('a.effort', 'b.effort'),
    )
    assert (frame.stamp_ns, frame.frame_id, frame.format) == (7, 'base', 'samples')


def test_what_the_publisher_leaves_empty_has_no_column(sensor: JointState) -> None:
    frame = sensor.decode(message(['a', 'b'], velocity=[3, 4]), 0)
    assert frame.names == ('a.velocity', 'b.velocity')
    assert sensor.decode(message(['a', 'b']), 0).data.shape == (1, 0)
    assert sensor.decode(message([]), 0).names == ()


def test_names_follow_the_publisher_when_it_changes_its_mind(sensor: JointState) -> None:
    found = [
        sensor.decode(message(names, position=range(len(names))), 0).names
        for names in (['a', 'b'], ['b', 'a'], ['a', 'b', 'c'], ['a', 'b'])
    ]
    assert found == [
        ('a.position', 'b.position'),
        ('b.position', 'a.position'),
        ('a.position', 'b.position', 'c.position'),
        ('a.position', 'b.position'),
    ]


def test_names_are_made_once_for_the_same_joints(sensor: JointState) -> None:
    first, second = (sensor.decode(message(['a', 'b'], position=[1, 2]), 0) for _ in range(2))
    assert first.names is second.names


@given(
    st.lists(st.text(max_size=5), unique=True, max_size=8),
    st.sets(st.sampled_from(FIELDS)),
    st.data(),
)
def test_every_value_is_found_below_its_name(
    joints: list[str], filled: set[str], data: st.DataObject
) -> None:
    numbers = st.floats(allow_nan=False)
    values = {
        field: data.draw(st.lists(numbers, min_size=len(joints), max_size=len(joints)))
        for field in filled
    }
    frame = JointState(('samples',)).decode(message(joints, **values), 0)
    assert frame.data.shape == (1, len(frame.names))
    by_name = dict(zip(frame.names, frame.data[0].tolist(), strict=True))
    assert by_name == {
        f'{joint}.{field}': value
        for field, row in values.items()
        for joint, value in zip(joints, row, strict=True)
    }


@pytest.mark.parametrize('field', FIELDS)
@pytest.mark.parametrize('count', [1, 3])
def test_a_field_of_another_length_than_the_names_is_refused(
    sensor: JointState, field: str, count: int
) -> None:
    with pytest.raises(MessageError, match=f"'{field}'.*got '?{count} values.*expected 2 values"):
        sensor.decode(message(['a', 'b'], **{field: [0.0] * count}), 0)


def test_values_without_names_are_refused(sensor: JointState) -> None:
    with pytest.raises(MessageError, match='position'):
        sensor.decode(message([], position=[1.0]), 0)


def test_a_joint_with_two_values_is_refused_each_time(sensor: JointState) -> None:
    good = message(['a', 'b'], position=[1, 2])
    sensor.decode(good, 0)
    for _ in range(2):
        with pytest.raises(MessageError, match=r"'name'.*a, b, a.*each joint once"):
            sensor.decode(message(['a', 'b', 'a'], position=[1, 2, 3]), 0)
    assert sensor.decode(good, 0).names == ('a.position', 'b.position')


def test_a_frame_is_independent_of_its_message(sensor: JointState) -> None:
    """One whose only field is filled as well: nothing has to be put together there."""
    state = message(['a', 'b'], position=[1, 2])
    frame = sensor.decode(state, 0)
    state.position[0] = 9
    assert frame.data.tolist() == [[1, 2]]
