"""Calibrations of cameras: sensor_msgs/msg/CameraInfo."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_integration.core.datatypes import Frame
from ml_integration.errors import MessageError
from ml_integration.ops.samples import SAMPLES, check_formats

_REGION = ('x_offset', 'y_offset', 'width', 'height')


class CameraInfo:
    """Turns sensor_msgs/msg/CameraInfo into one row of samples.

    The columns are `width` and `height` [px], `k.0` to `k.8`, `p.0` to `p.11`, `roi.x_offset`,
    `roi.y_offset`, `roi.width` and `roi.height` [px], and the distortion coefficients under the
    name of their model, such as `d.plumb_bob.0`.

    Args:
        formats: has to hold 'samples'.

    Raises:
        SettingError: it does not.
    """

    message_type = 'sensor_msgs/msg/CameraInfo'
    kind = 'samples'

    def __init__(self, formats: tuple[str, ...]) -> None:
        check_formats(formats, 'sensors.camera_info')

    def decode(self, message: Any, stamp_ns: int) -> Frame:
        """Reads one calibration as (1, 27 + coefficients) float64.

        Raises:
            MessageError: a number is not finite, or the camera is not calibrated.
        """
        model = message.distortion_model or 'unnamed'
        numbers = {
            'width': message.width,
            'height': message.height,
            **{f'k.{n}': value for n, value in enumerate(message.k)},
            **{f'p.{n}': value for n, value in enumerate(message.p)},
            **{f'roi.{side}': getattr(message.roi, side) for side in _REGION},
            **{f'd.{model}.{n}': value for n, value in enumerate(message.d)},
        }
        row = np.array([[*numbers.values()]], np.float64)
        if not np.isfinite(row).all():
            wrong = next(n for n, v in numbers.items() if not np.isfinite(v))
            raise MessageError(wrong, str(numbers[wrong]), 'a finite number')
        if not (numbers['k.0'] > 0 and numbers['k.4'] > 0):
            raise MessageError(
                'k',
                f'focal lengths {numbers["k.0"]:g} and {numbers["k.4"]:g}',
                'lengths above 0',
                'The camera is not calibrated: calibrate it, or let its driver publish what it '
                'knows.',
            )
        row.flags.writeable = False
        return Frame(row, SAMPLES, stamp_ns, message.header.frame_id, tuple(numbers))
