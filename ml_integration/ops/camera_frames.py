"""Reads cameras and depth images that come beside a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml_integration.core.datatypes import Array, Frame
from ml_integration.core.inputs import ALWAYS_MS, KeepRule, KeepSpec
from ml_integration.core.stage_contracts import Companion
from ml_integration.errors import FrameError
from ml_integration.ops.camera_model import CameraModel, require_same_shape
from ml_integration.ops.samples import SAMPLES

BENT = 'd.'
"""Begin of the names of distortion coefficients: 'd.plumb_bob.0'."""
CAMERA_INFO = Companion(
    'camera_info',
    'camera_info',
    (SAMPLES,),
    'camera_info',
    # Some cameras say it seldom, or with any stamp; it holds until one is calibrated anew.
    KeepSpec(KeepRule.NEAREST, ALWAYS_MS),
)
"""Camera info that belongs to the picture, not to the depth image."""


def depth_companion(tolerance_ms: float) -> Companion:
    """Returns the depth image whose stamp is nearest to the picture's [ms]."""
    keep = KeepSpec(KeepRule.NEAREST, tolerance_ms)
    return Companion('depth', 'image', ('32FC1',), 'depth', keep)


def the_frame(frames: Mapping[str, Sequence[Frame]], name: str) -> Frame:
    """Returns the newest frame of a name.

    Raises:
        FrameError: there is none.
    """
    if not frames.get(name):
        raise FrameError(f"there is no message of '{name}' for this picture")
    return frames[name][-1]


def depth_of(frame: Frame, picture: Frame) -> Array:
    """Returns the depth (h, w) float32 [m] of the whole picture, at its own resolution.

    Raises:
        FrameError: it is seen by another camera, or cut out of what the picture shows.
    """
    require_same_camera('the depth image', frame, picture)
    height, width = frame.data.shape[:2]
    require_same_shape('the depth image', (width, height), size_of(picture))
    return frame.data


def size_of(picture: Frame) -> tuple[int, int]:
    """Returns width and height [px]."""
    height, width = picture.data.shape[:2]
    return width, height


def require_same_camera(what: str, frame: Frame, picture: Frame) -> None:
    """Checks that two messages say the same frame, if they say any.

    Raises:
        FrameError: they do not; a sentence about `what`.
    """
    if frame.frame_id and picture.frame_id and frame.frame_id != picture.frame_id:
        raise FrameError(
            f'{what} is not of the camera that took the picture',
            got=f"the frame '{frame.frame_id}'",
            expected=f"'{picture.frame_id}'",
            hint='Depth has to be registered to the picture: use the aligned topics of the '
            'driver, or depth_image_proc.',
        )


def camera_of(frame: Frame, picture: Frame, rectified: bool) -> CameraModel:
    """Returns the camera for pictures of the size of `picture`.

    Args:
        frame: of the sensor 'camera_info', which belongs to the picture.
        picture: taken by this camera.
        rectified: whether it was undistorted, so that the camera info's P holds and not its K.

    Raises:
        FrameError: there is no calibration in it, or it belongs to another camera.
    """
    require_same_camera('the camera info', frame, picture)
    return read_camera(frame, rectified).scaled(size_of(picture))


def read_camera(frame: Frame, rectified: bool) -> CameraModel:
    """Returns the camera for pictures of the size that its camera info is about.

    That is the region of interest where there is one. Binning is a matter of `scaled`.
    """
    values = dict(zip(frame.names, frame.data.ravel().tolist(), strict=True))
    matrix, across = ('p', 4) if rectified else ('k', 3)
    focal = values[f'{matrix}.0'], values[f'{matrix}.{across + 1}']
    principal = values[f'{matrix}.2'], values[f'{matrix}.{across + 2}']
    wh = int(values['width']), int(values['height'])
    if values['roi.width'] and values['roi.height']:
        principal = principal[0] - values['roi.x_offset'], principal[1] - values['roi.y_offset']
        wh = int(values['roi.width']), int(values['roi.height'])
    bent = () if rectified else tuple(name for name in frame.names if name.startswith(BENT))
    model = bent[0].removeprefix(BENT).rpartition('.')[0] if bent else ''
    return CameraModel(wh, focal, principal, tuple(values[name] for name in bent), model)
