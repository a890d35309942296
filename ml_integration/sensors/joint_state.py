"""Joints: sensor_msgs/msg/JointState."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_integration.core.datatypes import Frame
from ml_integration.errors import MessageError
from ml_integration.ops.samples import SAMPLES, check_formats

FIELDS = ('position', 'velocity', 'effort')


class JointState:
    """Turns sensor_msgs/msg/JointState into one row of samples.

    The columns are `<joint>.position` [rad or m], `<joint>.velocity` and `<joint>.effort`, as far
    as the publisher fills them, in the publisher's order of joints.

    Args:
        formats: has to hold 'samples'.

    Raises:
        SettingError: it does not.
    """

    message_type = 'sensor_msgs/msg/JointState'
    kind = 'samples'

    def __init__(self, formats: tuple[str, ...]) -> None:
        check_formats(formats, 'sensors.joint_state')
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}

    def decode(self, message: Any, stamp_ns: int) -> Frame:
        """Reads one state as (1, joints * fields) float64.

        Raises:
            MessageError: a joint has two values, or a field has another length than the names.
        """
        joints = tuple(message.name)
        values = {field: getattr(message, field) for field in FIELDS}
        filled = tuple(field for field in FIELDS if len(values[field]))
        for field in filled:
            if len(values[field]) != len(joints):
                expected = f'{len(joints)} values, one for each name'
                raise MessageError(field, f'{len(values[field])} values', expected)
        parts = [np.asarray(values[field], np.float64) for field in filled]
        row = np.concatenate(parts)[None] if parts else np.zeros((1, 0))
        row.flags.writeable = False
        names = self._names(joints, filled)
        return Frame(row, SAMPLES, stamp_ns, message.header.frame_id, names)

    def _names(self, joints: tuple[str, ...], filled: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the columns' names; makes them again only if the publisher's joints change."""
        names = self._known.get((joints, filled))
        if names is None:
            if len(set(joints)) < len(joints):
                raise MessageError('name', ', '.join(joints), 'each joint once')
            names = tuple(f'{joint}.{field}' for field in filled for joint in joints)
            self._known = {(joints, filled): names}
        return names
