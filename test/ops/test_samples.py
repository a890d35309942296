"""Columns by name, and rows at regular times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ml_integration.errors import FrameError, SettingError
from ml_integration.ops.samples import check_formats, resample, wanted_columns

MS = 1_000_000
NAMES = ('hip.position', 'knee.position', 'hip.velocity', 'knee.velocity', 'gyro.x', 'gyro.y')


@pytest.mark.parametrize(
    ('joints', 'fields', 'expected'),
    [
        ((), (), [0, 1, 2, 3, 4, 5]),  # all, as they come
        (('knee', 'hip'), ('position',), [1, 0]),  # the model's order of joints
        (('knee', 'hip'), ('velocity', 'position'), [3, 2, 1, 0]),  # of all joints each field
        (('knee',), ('position',), [1]),  # the other joint is not wanted
        ((), ('gyro',), [4, 5]),  # all parts
        ((), ('gyro.y', 'hip'), [5, 0, 2]),  # one part, and all of another thing
        ((), ('gyro.y', 'gyro.y'), [5, 5]),  # twice, as the model wants it
    ],
)
def test_columns_come_in_the_order_in_which_they_are_wanted(
    joints: tuple[str, ...], fields: tuple[str, ...], expected: list[int]
) -> None:
    found = wanted_columns(NAMES, joints, fields)
    assert found.tolist() == expected and found.dtype == np.intp


@pytest.mark.parametrize(
    ('joints', 'fields', 'missing'),
    [
        (('hip', 'ankle'), ('position',), 'ankle.position'),
        (('hip',), ('position', 'effort'), 'hip.effort'),
        ((), ('gyr',), 'gyr'),  # the beginning of a name is none
        ((), ('position',), 'position'),  # nor is its end
    ],
)
def test_what_is_missing_is_named_with_what_there_is(
    joints: tuple[str, ...], fields: tuple[str, ...], missing: str
) -> None:
    with pytest.raises(FrameError, match=f"no '{missing}'") as caught:
        wanted_columns(NAMES, joints, fields)
    assert caught.value.got == ', '.join(NAMES)
    assert 'joints' in caught.value.hint and 'fields' in caught.value.hint


def test_a_message_without_anything_says_so() -> None:
    with pytest.raises(FrameError, match='got nothing'):
        wanted_columns((), (), ('gyro',))
    assert wanted_columns((), (), ()).size == 0


NAME = st.text('ab.', min_size=1, max_size=4)


@given(st.lists(NAME, unique=True, min_size=1, max_size=6), st.data())
def test_each_joint_s_value_is_found_whatever_joints_are_called(
    joints: list[str], data: st.DataObject
) -> None:
    fields = data.draw(st.lists(st.sampled_from(('position', 'velocity')), unique=True))
    assume(fields)
    shuffled = data.draw(st.permutations(joints))
    names = [f'{joint}.{field}' for field in ('position', 'velocity') for joint in shuffled]
    found = wanted_columns(names, joints, fields)
    wanted = [f'{joint}.{field}' for field in fields for joint in joints]
    assert [names[index] for index in found] == wanted


def test_a_joint_whose_name_goes_on_like_another_s_is_not_mistaken_for_it() -> None:
    names = ('arm.position.position', 'arm.position')
    assert wanted_columns(names, ('arm',), ('position',)).tolist() == [1]
    assert wanted_columns(names, ('arm.position',), ('position',)).tolist() == [0]


def test_only_samples_can_be_asked_of_a_sensor_that_gives_samples() -> None:
    check_formats(('samples',), 'sensors.imu')
    with pytest.raises(SettingError, match=r"sensors\.imu: 'formats'.*'samples'"):
        check_formats(('rgb8', 'bgr8'), 'sensors.imu')


def plain(stamps_ns: np.ndarray, rows: np.ndarray, count: int, period_ns: float) -> np.ndarray:
    """Each column of each wanted time by itself, with absolute times."""
    last_s = stamps_ns[-1] / 1e9
    wanted_s = [last_s - period_ns / 1e9 * (count - 1 - index) for index in range(count)]
    return np.array(
        [
            [
                np.interp(time_s, stamps_ns / 1e9, rows[:, column])
                for column in range(rows.shape[1])
            ]
            for time_s in wanted_s
        ]
    )


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_resampling_equals_numpy_s_interpolation(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    columns = data.draw(st.integers(1, 4))
    period_ms = data.draw(st.integers(1, 20))
    gaps_ms = data.draw(st.lists(st.integers(0, 30), max_size=30))
    assume(sum(gaps_ms) >= period_ms * (count - 1))
    begin_ns = data.draw(st.integers(0, 10**6)) * MS
    stamps_ns = begin_ns + MS * np.cumsum([0, *gaps_ms])
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    # Where two rows have the same stamp, either is right: they have the same value here.
    rows = random.normal(size=(10**3, columns))[(stamps_ns - begin_ns) // MS]
    found = resample(stamps_ns, rows, count, period_ms * MS, 30 * MS)
    assert found.shape == (count, columns) and found.dtype == np.float64
    np.testing.assert_allclose(found, plain(stamps_ns, rows, count, period_ms * MS), atol=1e-5)
    np.testing.assert_array_equal(found[-1], rows[-1])
    assert (found >= rows.min(0)).all() and (found <= rows.max(0)).all()


def test_today_s_stamps_lose_no_precision() -> None:
    """As float seconds they would be off by 0.2 us, at 10 kHz a tenth of the change of a row."""
    stamps_ns = 1_764_000_000_000_000_000 + np.arange(20, dtype=np.int64) * 100_000
    rows = np.arange(20.0)[:, None]
    found = resample(stamps_ns, rows, 11, 50_000, 300_000)
    np.testing.assert_allclose(found[:, 0], np.arange(14, 19.5, 0.5), rtol=0, atol=1e-9)


def test_rows_that_are_already_regular_stay_as_they_are() -> None:
    stamps_ns = np.arange(8, dtype=np.int64) * 10 * MS
    rows = np.random.default_rng(0).normal(size=(8, 3))
    np.testing.assert_array_equal(resample(stamps_ns, rows, 4, 10 * MS, 30 * MS), rows[4:])


def test_a_gap_that_is_too_long_is_refused_with_its_length() -> None:
    stamps_ns = np.array([0, 10, 20, 51, 60], np.int64) * MS
    rows = np.zeros((5, 1))
    with pytest.raises(FrameError, match=r'gap of 31\.0 ms; expected at most 30\.0 ms'):
        resample(stamps_ns, rows, 7, 10 * MS, 30 * MS)
    assert resample(stamps_ns, rows, 7, 10 * MS, 31 * MS).shape == (7, 1)


@pytest.mark.parametrize(('count', 'fits'), [(2, True), (3, False)])
def test_only_a_gap_that_is_seen_counts(count: int, fits: bool) -> None:
    stamps_ns = np.array([0, 10, 50, 60], np.int64) * MS
    if fits:
        resample(stamps_ns, np.zeros((4, 1)), count, 10 * MS, 30 * MS)
    else:
        with pytest.raises(FrameError, match=r'gap of 40\.0 ms'):
            resample(stamps_ns, np.zeros((4, 1)), count, 10 * MS, 30 * MS)


def test_a_window_that_is_not_filled_is_refused_and_one_that_nearly_is_is_not() -> None:
    rows = np.arange(3.0)[:, None]
    for first_ms, fits in ((20, True), (24, True), (26, False)):
        stamps_ns = np.array([first_ms, 40, 50], np.int64) * MS
        if fits:
            found = resample(stamps_ns, rows, 4, 10 * MS, 30 * MS)
            assert found[0, 0] == 0  # the first measurement stands for half a period before it
        else:
            with pytest.raises(FrameError, match=r'not filled; got 0\.024 s.*expected 0\.030 s'):
                resample(stamps_ns, rows, 4, 10 * MS, 30 * MS)


def test_a_single_row_needs_no_other() -> None:
    rows = np.array([[1.0, 2.0]])
    found = resample(np.array([5 * MS], np.int64), rows, 1, 10 * MS, 30 * MS)
    np.testing.assert_array_equal(found, rows)
    with pytest.raises(FrameError, match='not filled'):
        resample(np.array([5 * MS], np.int64), rows, 2, 10 * MS, 30 * MS)
