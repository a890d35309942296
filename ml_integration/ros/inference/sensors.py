"""Sensors as the nodes use them: with cv_bridge's conversions where it imports."""

from __future__ import annotations

from ml_integration.core.contracts import Sensor
from ml_integration.core.datatypes import Array
from ml_integration.deploy.loading import make_sensor
from ml_integration.sensors.image import Image

try:
    from cv_bridge.boost.cv_bridge_boost import cvtColor2 as cv_bridge_convert  # noqa: N813
except ImportError:
    cv_bridge_convert = None


def ros_sensor(name: str, formats: tuple[str, ...]) -> Sensor:
    """Makes a sensor; images are converted by cv_bridge as far as it knows how."""
    if name == 'image' and cv_bridge_convert is not None:
        return Image(formats, _convert)
    return make_sensor(name, formats)


def _convert(pixels: Array, encoding: str, wanted: str) -> Array | None:
    try:
        converted: Array = cv_bridge_convert(pixels, encoding, wanted)
    except RuntimeError:  # cv_bridge does not know the pair
        return None
    return converted
