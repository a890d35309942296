"""The table equals what plain numpy makes of the same messages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.core.datatypes import Frame, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.encoders.samples import Samples
from ml_integration.errors import FrameError, SettingError
from ml_integration.sensors.joint_state import JointState

MS = 1_000_000
NAMES = ('a.position', 'b.position', 'c.position')


def encoder(shape: tuple[int | None, ...], **values: Any) -> tuple[Samples, np.ndarray]:
    """An encoder with a tensor of its own."""
    made = Samples(
        build(Samples.Settings, values, 'test'), TensorSpec('t', 'float32', shape), 'm@1'
    )
    tensor = np.full(made.spec.shape, np.nan, np.float32)
    made.bind(tensor)
    return made, tensor


def frame(values: Any, stamp_ms: int = 0, names: tuple[str, ...] = NAMES) -> Frame:
    row = np.array(values, np.float64)[None]
    row.flags.writeable = False
    return Frame(row, 'samples', stamp_ms * MS, 'base', names)


def series(count: int, period_ms: int = 10) -> list[Frame]:
    rows = np.random.default_rng(count).normal(size=(count, len(NAMES)))
    return [frame(row, index * period_ms) for index, row in enumerate(rows)]


def joint_state(joints: list[str], values: dict[str, tuple[float, float]]) -> SimpleNamespace:
    """A sensor_msgs/msg/JointState with the joints in this order."""
    return SimpleNamespace(
        header=SimpleNamespace(frame_id='base'),
        name=joints,
        position=[values[joint][0] for joint in joints],
        velocity=[values[joint][1] for joint in joints],
        effort=[],
    )


VALUES = {'hip': (1.0, -1.0), 'knee': (2.0, -2.0), 'ankle': (3.0, -3.0), 'tail': (4.0, -4.0)}


@given(st.permutations(sorted(VALUES)))
def test_joints_are_found_by_name_whatever_their_order_in_the_message(order: list[str]) -> None:
    sensor = JointState(('samples',))
    to_tensor, tensor = encoder(
        (1, 6), joints=['knee', 'hip', 'ankle'], fields=['velocity', 'position']
    )
    for joints in (sorted(VALUES), order, order):  # the order may change while it runs
        geometry = to_tensor([sensor.decode(joint_state(joints, VALUES), 5)])
        assert tensor.tolist() == [[-2, -1, -3, 2, 1, 3]]
    assert geometry.stamp_ns == 5
    assert geometry.names == (
        *('knee.velocity', 'hip.velocity', 'ankle.velocity'),
        *('knee.position', 'hip.position', 'ankle.position'),
    )


def test_the_order_may_change_inside_a_window() -> None:
    sensor = JointState(('samples',))
    to_tensor, tensor = encoder((1, 2, 2), joints=['hip', 'knee'], fields=['position'])
    orders = (['hip', 'knee'], ['knee', 'tail', 'hip'])
    to_tensor([sensor.decode(joint_state(joints, VALUES), 0) for joints in orders])
    assert tensor.tolist() == [[[1, 2], [1, 2]]]


def test_a_joint_that_is_missing_is_named_and_may_come_back() -> None:
    sensor = JointState(('samples',))
    to_tensor, tensor = encoder((1, 2), joints=['hip', 'knee'], fields=['position'])
    whole = sensor.decode(joint_state(['knee', 'hip'], VALUES), 0)
    to_tensor([whole])
    with pytest.raises(FrameError, match=r"no 'knee\.position'; got hip\.position, tail\.pos"):
        to_tensor([sensor.decode(joint_state(['hip', 'tail'], VALUES), 0)])
    to_tensor([whole])
    assert tensor.tolist() == [[1, 2]]


def test_joints_without_what_of_them_is_wanted_are_refused_at_once() -> None:
    """All columns as they come would be in the publisher's order, whatever joints says."""
    with pytest.raises(SettingError, match=r"m@1: 'encode\.fields'.*position"):
        encoder((1, 2), joints=['hip', 'knee'])


def test_without_names_all_columns_come_as_they_are() -> None:
    to_tensor, tensor = encoder((1, 3))
    geometry = to_tensor([frame([1, 2, 3])])
    assert tensor.tolist() == [[1, 2, 3]] and geometry.names == NAMES


def test_columns_that_do_not_fill_the_tensor_are_named() -> None:
    to_tensor, _ = encoder((1, 2), fields=['a', 'b', 'c'])
    with pytest.raises(FrameError, match=r"fill 't'; got 3: a\.position, b.*expected 2, as in t"):
        to_tensor([frame([1, 2, 3])])


def test_the_last_rows_are_taken_where_there_is_no_rate() -> None:
    to_tensor, tensor = encoder((1, 4, 2), fields=['c', 'a'])
    frames = series(9, period_ms=500)  # gaps do not matter
    geometry = to_tensor(frames)
    rows = np.concatenate([one.data for one in frames])
    np.testing.assert_array_equal(tensor, rows[None, 5:, [2, 0]].astype(np.float32))
    assert geometry.stamp_ns == 8 * 500 * MS


def test_a_window_with_too_few_rows_is_refused() -> None:
    to_tensor, _ = encoder((1, 4, 3))
    with pytest.raises(FrameError, match='too few rows; got 3; expected 4'):
        to_tensor(series(3))


def test_messages_of_several_rows_fill_a_window_but_have_no_times() -> None:
    several = Frame(np.arange(6.0).reshape(2, 3), 'samples', 0, 'base', NAMES)
    to_tensor, tensor = encoder((1, 3, 3))
    to_tensor([frame([7, 8, 9]), several])
    assert tensor.tolist() == [[[7, 8, 9], [0, 1, 2], [3, 4, 5]]]
    resampling, _ = encoder((1, 3, 3), rate_hz=100)
    with pytest.raises(FrameError, match='got 3 rows in 2 messages'):
        resampling([frame([7, 8, 9]), several])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_window_is_resampled_as_numpy_does(data: st.DataObject) -> None:
    gaps_ms = data.draw(st.lists(st.integers(1, 25), min_size=12, max_size=40))
    rate_hz = data.draw(st.sampled_from((100.0, 200.0, 125.0)))
    stamps_ms = np.cumsum([0, *gaps_ms])
    period_ms = 1000 / rate_hz
    count = data.draw(st.integers(1, int(stamps_ms[-1] / period_ms) + 1))
    rows = np.random.default_rng(count).normal(size=(len(stamps_ms), 3))
    to_tensor, tensor = encoder((1, count, 2), fields=['b', 'a'], rate_hz=rate_hz, max_gap_ms=25.0)
    to_tensor([frame(row, int(stamp)) for row, stamp in zip(rows, stamps_ms, strict=True)])
    wanted_ms = stamps_ms[-1] - period_ms * np.arange(count)[::-1]
    expected = [np.interp(wanted_ms, stamps_ms, rows[:, column]) for column in (1, 0)]
    np.testing.assert_allclose(tensor[0], np.stack(expected, axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ('max_gap_ms', 'missing', 'fits'),
    [
        (0.0, 2, True),  # three periods without a word
        (0.0, 3, False),
        (15.0, 1, False),  # as it is said
        (50.0, 4, True),
    ],
)
def test_messages_that_were_lost_are_bridged_up_to_a_limit(
    max_gap_ms: float, missing: int, fits: bool
) -> None:
    to_tensor, tensor = encoder((1, 20, 3), rate_hz=100.0, max_gap_ms=max_gap_ms)
    frames = series(20)
    del frames[8 : 8 + missing]
    if fits:
        to_tensor(frames)
        assert np.isfinite(tensor).all()
    else:
        with pytest.raises(FrameError, match='samples are missing in the window'):
            to_tensor(frames)


def test_a_window_that_is_not_filled_is_refused() -> None:
    to_tensor, _ = encoder((1, 30, 3), rate_hz=100.0)
    with pytest.raises(FrameError, match=r'not filled; got 0\.190 s.*expected 0\.290 s'):
        to_tensor(series(20))


def test_a_column_that_is_no_number_stays_in_its_column() -> None:
    """Resampling mixes rows and never columns; the result is judged afterwards."""
    to_tensor, tensor = encoder((1, 5, 3), rate_hz=200.0)
    to_tensor([frame([1, np.nan, 3], stamp_ms) for stamp_ms in range(0, 100, 10)])
    assert np.isnan(tensor[0, :, 1]).all()
    assert (tensor[0, :, [0, 2]].T == [1, 3]).all()
