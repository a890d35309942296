"""Selects columns of rows of named numbers, and resamples rows at regular times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.errors import FrameError, SettingError

SAMPLES = 'samples'
"""The format of frames that are (N, C) float64 with a name for each column."""


def check_formats(formats: tuple[str, ...], where: str) -> None:
    """Checks that a sensor which gives samples is asked for nothing else.

    Raises:
        SettingError: it is.
    """
    if SAMPLES not in formats:
        raise SettingError('formats', formats, f"'{SAMPLES}'", where=where)


def wanted_columns(
    names: Sequence[str], joints: Sequence[str], fields: Sequence[str]
) -> npt.NDArray[np.intp]:
    """Finds columns by name, whatever their order in the message.

    Args:
        names: of the columns that there are, such as 'hip.position'.
        joints: whose values are wanted; empty where the message has no joints.
        fields: what is wanted: of all joints the first one, then of all joints the second one;
            a field such as 'angular_velocity' stands for all its parts. Empty: all columns.

    Returns:
        (C,) index of each wanted column.

    Raises:
        FrameError: a wanted column is not there.
    """
    if not fields:
        return np.arange(len(names))
    places = {name: index for index, name in enumerate(names)}
    found: list[int] = []
    for field in fields:
        wanted = [f'{joint}.{field}' for joint in joints] or [field]
        for name in wanted:
            parts = [i for n, i in places.items() if n.startswith(f'{name}.')]
            parts = [places[name]] if name in places else parts
            if not parts:
                raise FrameError(
                    f"the message has no '{name}'",
                    got=', '.join(names) or 'nothing',
                    hint="Correct 'joints' and 'fields' of the input's encode, or the publisher.",
                )
            found.extend(parts)
    return np.array(found, np.intp)


def resample(
    stamps_ns: npt.NDArray[np.int64], rows: Array, count: int, period_ns: float, max_gap_ns: float
) -> Array:
    """Interpolates rows at regular times, the last of which is that of the last row.

    Args:
        stamps_ns: (N,) when each row was measured [ns], ascending.
        rows: (N, C) float64.
        count: how many rows to make.
        period_ns: time between them [ns].
        max_gap_ns: the longest time between two measurements that is bridged [ns].

    Returns:
        (count, C) float64.

    Raises:
        FrameError: the measurements do not cover the time, or have a longer gap.
    """
    times = (stamps_ns - stamps_ns[-1]).astype(np.float64)
    wanted = (np.arange(count) - (count - 1)) * period_ns
    if times[0] > wanted[0] + period_ns / 2:
        raise FrameError(
            'the window is not filled',
            got=f'{abs(times[0]) / 1e9:.3f} s of samples',
            expected=f'{abs(wanted[0]) / 1e9:.3f} s',
            hint="The publisher was silent, or the input's window_ms is too short.",
        )
    begin = max(0, int(np.searchsorted(times, wanted[0], 'right')) - 1)
    gap_ns = float(np.diff(times[begin:]).max(initial=0.0))
    if gap_ns > max_gap_ns:
        raise FrameError(
            'samples are missing in the window',
            got=f'a gap of {gap_ns / 1e6:.1f} ms',
            expected=f'at most {max_gap_ns / 1e6:.1f} ms',
            hint="Messages were lost, or max_gap_ms of the input's encode is too small.",
        )
    return np.stack([np.interp(wanted, times, column) for column in rows.T], axis=1)
