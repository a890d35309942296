"""Rows of named numbers: joints by name, measurements over time at a fixed rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array, Frame, TensorSpec
from ml_integration.core.declaration import declared
from ml_integration.errors import FrameError, ModelMismatchError, SettingError
from ml_integration.ops.sample_measures import measure_samples
from ml_integration.ops.samples import SAMPLES, resample, wanted_columns

MAX_GAP_PERIODS = 3.0


@dataclass(frozen=True, slots=True)
class SamplesGeometry:
    """Rows that a tensor was made of.

    Attributes:
        stamp_ns: time when the last row was measured [ns].
        names: names of the tensor's columns.
    """

    stamp_ns: int
    names: tuple[str, ...]


class Samples:
    """Writes the wanted columns of messages into (1, C), or of the last T rows into (1, T, C).

    Args:
        settings: the columns and their rate.
        spec: the model's input.
        model: name for errors.

    Raises:
        ModelMismatchError: `spec` is no table of numbers with fixed sizes.
        SettingError: joints are named, but none of their fields.
    """

    formats = (SAMPLES,)

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that the model was trained with."""

        joints: tuple[str, ...] = declared((), 'Joints in the order of the model, by name.')
        fields: tuple[str, ...] = declared(
            (), 'Fields in the order of the model, such as position; empty: all, as they come.'
        )
        rate_hz: float = declared(
            0.0,
            'Rate at which a window is resampled [Hz]; 0: the last rows as they came.',
            ge=0.0,
            le=1e5,
        )
        max_gap_ms: float = declared(
            0.0, 'Longest gap that resampling bridges [ms]; 0: three periods.', ge=0.0
        )

    def __init__(self, settings: Settings, spec: TensorSpec, model: str = '') -> None:
        fixed = None not in spec.shape[1:] and spec.shape[:1] in ((1,), (None,))
        if not fixed or len(spec.shape) not in (2, 3) or not spec.dtype.startswith('float'):
            raise ModelMismatchError(
                model,
                f"input '{spec.name}' does not take rows of numbers",
                str(spec),
                'float [1, columns] or float [1, rows, columns] with fixed sizes',
                "Fix free sizes under 'inputs' of the manifest.",
            )
        if settings.joints and not settings.fields:
            expected = "what of the joints is wanted, such as 'position'"
            raise SettingError('encode.fields', settings.fields, expected, where=model)
        self.spec = TensorSpec(spec.name, spec.dtype, (1, *spec.shape[1:]))
        self._settings = settings
        self._rows = int(spec.shape[1] or 0) if len(spec.shape) == 3 else 1
        self._names: tuple[str, ...] | None = None
        self._measured: tuple[tuple[str, ...], npt.NDArray[np.intp]] | None = None

    def bind(self, tensor: Array) -> None:
        """Chooses `tensor` as the one that is filled from now on."""
        self._table = tensor.reshape(self._rows, tensor.shape[-1])

    def __call__(self, frames: Sequence[Frame]) -> SamplesGeometry:
        """Fills the tensor.

        Args:
            frames: (N, C) float64 each, with the names of their columns.

        Raises:
            FrameError: a column is missing, or there are too few rows or a gap in time.
        """
        settings, last = self._settings, frames[-1]
        table = np.concatenate([self._chosen(frame) for frame in frames])
        if settings.rate_hz:
            period_ns = 1e9 / settings.rate_hz
            gap_ns = settings.max_gap_ms * 1e6 or MAX_GAP_PERIODS * period_ns
            stamps_ns = np.array([frame.stamp_ns for frame in frames], np.int64)
            if len(table) != len(frames):
                raise FrameError(
                    'messages of several rows cannot be resampled',
                    got=f'{len(table)} rows in {len(frames)} messages',
                    expected='one row, and so one stamp, in each',
                    hint="Leave out rate_hz of the input's encode.",
                )
            table = resample(stamps_ns, table, self._rows, period_ns, gap_ns)
        if len(table) < self._rows:
            raise FrameError(
                'the window has too few rows', got=str(len(table)), expected=str(self._rows)
            )
        self._table[...] = table[len(table) - self._rows :]
        return SamplesGeometry(last.stamp_ns, self._chosen_names)

    def measure(self, frames: Sequence[Frame]) -> Mapping[str, float]:
        """Measures the wanted columns of the window: `ops.sample_measures.measure_samples`."""
        wanted, names = self._measured, frames[-1].names
        if wanted is None or wanted[0] != names:
            settings = self._settings
            wanted = (names, wanted_columns(names, settings.joints, settings.fields))
            self._measured = wanted
        own = (frame for frame in frames if frame.names == names)
        return measure_samples([frame.data[:, wanted[1]] for frame in own])

    def _chosen(self, frame: Frame) -> Array:
        """Returns the wanted columns; searches again if the publisher's names have changed."""
        if frame.names != self._names:
            columns = wanted_columns(frame.names, self._settings.joints, self._settings.fields)
            if len(columns) != self._table.shape[1]:
                raise FrameError(
                    f"the columns do not fill '{self.spec.name}'",
                    got=f'{len(columns)}: {", ".join(frame.names[i] for i in columns)}',
                    expected=f'{self._table.shape[1]}, as in {self.spec}',
                    hint="Name them in the input's encode: 'fields', and 'joints' if it has any.",
                )
            self._columns: npt.NDArray[np.intp] = columns
            self._chosen_names = tuple(frame.names[index] for index in columns)
            self._names = frame.names
        chosen: Array = frame.data[:, self._columns]
        return chosen
