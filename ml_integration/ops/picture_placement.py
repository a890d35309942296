"""Decides how large a picture becomes, how large the tensor is, and where the picture goes."""

from __future__ import annotations

import math

from ml_integration.core.datatypes import TensorSpec
from ml_integration.errors import FrameError, ModelMismatchError, SettingError
from ml_integration.ops.letterbox import Letterbox, covering, cropped, place, stretched
from ml_integration.ops.picture_input import PreprocessSettings

TYPICAL_WH = (640, 480)
"""Size of the picture by which a model is tried whose sizes follow from the picture [px]."""


def check_placement(settings: PreprocessSettings, spec: TensorSpec, model: str) -> None:
    """Checks that sizes follow from the settings where the tensor or the picture leaves them open.

    Args:
        settings: how pictures are brought into the tensor.
        spec: a tensor that takes such pictures.
        model: name for errors.

    Raises:
        SettingError: the settings lack a size.
        ModelMismatchError: height and width are free, and nothing says what they become.
    """
    resize = settings.resize
    if resize == 'shortest_edge' and not settings.shortest_edge:
        expected = 'the length that the shorter side gets [px]'
        raise SettingError('encode.shortest_edge', 0, expected, where=model)
    for key in ('to_width', 'to_height'):
        if resize == 'one_side' and None in spec.shape[1:] and not getattr(settings, key):
            expected = 'the length that this side gets unless the other one does [px]'
            raise SettingError(f'encode.{key}', 0, expected, where=model)
    boxed = resize.startswith('letterbox') and not settings.longest_edge
    if None in spec.shape[1:] and (boxed or resize in ('stretch', 'crop', 'stretch_crop')):
        raise ModelMismatchError(
            model,
            f"input '{spec.name}' has no size that 'encode.resize: {resize}' could aim at",
            str(spec),
            'fixed height and width, or an encode that gives them',
            "Fix them under 'inputs', choose resize: shortest_edge, one_side or none, or give a "
            'letterbox its encode.longest_edge.',
        )


def typical_wh(settings: PreprocessSettings) -> tuple[int, int]:
    """Returns the size of a tensor of free size for a picture of `TYPICAL_WH` [px]."""
    return _free(settings, TYPICAL_WH).target_wh


def placed(
    settings: PreprocessSettings, source_wh: tuple[int, int], target_wh: tuple[int, int] | None
) -> Letterbox:
    """Decides where a picture goes.

    Args:
        settings: how it is brought into the tensor.
        source_wh: size of the picture [px].
        target_wh: size of the tensor [px]; None: it follows from the picture.

    Raises:
        FrameError: the picture does not fit.
    """
    if target_wh is None:
        return _within_limit(settings, _free(settings, source_wh), free=True)
    if settings.resize in ('crop', 'shortest_edge'):
        return _within_limit(settings, _into(settings, source_wh, target_wh), free=False)
    return _into(settings, source_wh, target_wh)


def shortest_edge_wh(settings: PreprocessSettings, source_wh: tuple[int, int]) -> tuple[int, int]:
    """Returns the size of a picture whose shorter side got its length [px].

    Where `longest_edge` limits it, torchvision rounds both sides down, and transformers rounds
    the shorter side to the nearest.
    """
    short, long = sorted(source_wh)
    edge, limit = settings.shortest_edge, settings.longest_edge
    if settings.rounding == 'torchvision':
        new_short, new_long = edge, edge * long // short
        if limit and new_long > limit:
            new_short, new_long = limit * new_short // new_long, limit
    else:
        exact: float = limit * short / long if limit and long / short * edge > limit else edge
        new_short = round(exact)
        new_long = long if new_short == short else int(exact * long / short)
    wide = source_wh[0] >= source_wh[1]
    resized = (new_long, new_short) if wide else (new_short, new_long)
    return _to_multiple(settings, resized)


def one_side_wh(settings: PreprocessSettings, source_wh: tuple[int, int]) -> tuple[int, int]:
    """Returns the size of a picture that was scaled as little as possible [px].

    The aspect ratio stays, but for the multiple that both sides are rounded to. It is that of
    transformers' `DPTImageProcessor` with `keep_aspect_ratio`.
    """
    aims = (settings.to_width / source_wh[0], settings.to_height / source_wh[1])
    scale = aims[0] if abs(1 - aims[0]) < abs(1 - aims[1]) else aims[1]
    multiple = settings.resize_multiple
    width, height = (max(1, round(scale * side / multiple)) * multiple for side in source_wh)
    return width, height


def _into(
    settings: PreprocessSettings, source_wh: tuple[int, int], target_wh: tuple[int, int]
) -> Letterbox:
    """Places a picture in a tensor of fixed size."""
    match settings.resize:
        case 'crop':
            if settings.shortest_edge:
                resized = shortest_edge_wh(settings, source_wh)
            else:
                resized = covering(source_wh, target_wh, settings.crop_ratio)
            return cropped(source_wh, target_wh, resized, settings.rounding)
        case 'stretch_crop':
            resized = stretched(target_wh, settings.crop_ratio)
            return cropped(source_wh, target_wh, resized, settings.rounding)
        case 'shortest_edge':
            resized = shortest_edge_wh(settings, source_wh)
            return _fitting(_at_top_left(source_wh, target_wh, resized))
        case 'one_side':
            return place('stretch', source_wh, target_wh)
        case 'letterbox_topleft' if settings.rounding == 'transformers':
            return _at_top_left(source_wh, target_wh, _nearest(source_wh, target_wh))
    return place(settings.resize, source_wh, target_wh)


def _free(settings: PreprocessSettings, source_wh: tuple[int, int]) -> Letterbox:
    """Makes the tensor as large as the resized picture, padded up to the multiple."""
    if settings.resize.startswith('letterbox'):
        box = place(settings.resize, source_wh, (settings.longest_edge, settings.longest_edge))
        resized = _to_multiple(settings, box.resized_wh)
    elif settings.resize == 'shortest_edge':
        resized = shortest_edge_wh(settings, source_wh)
    elif settings.resize == 'one_side':
        resized = one_side_wh(settings, source_wh)
    else:
        resized = _to_multiple(settings, source_wh)
    width, height = (side + -side % settings.pad_multiple for side in resized)
    box = _at_top_left(source_wh, (width, height), resized)
    if settings.resize == 'letterbox':
        return box.centered()
    return box


def _nearest(source_wh: tuple[int, int], target_wh: tuple[int, int]) -> tuple[int, int]:
    """Returns the largest size with the aspect ratio of the source, rounded to the nearest."""
    scale = min(target / source for source, target in zip(source_wh, target_wh, strict=True))
    return max(1, int(source_wh[0] * scale + 0.5)), max(1, int(source_wh[1] * scale + 0.5))


def _to_multiple(settings: PreprocessSettings, wh: tuple[int, int]) -> tuple[int, int]:
    """Rounds both sides to the multiple, which is the shortest that they get."""
    multiple = settings.resize_multiple
    rest = multiple - 1 if settings.resize_up else 0
    width, height = (max(1, (side + rest) // multiple) * multiple for side in wh)
    return width, height


def _at_top_left(
    source_wh: tuple[int, int], target_wh: tuple[int, int], resized_wh: tuple[int, int]
) -> Letterbox:
    scale = (resized_wh[0] / source_wh[0], resized_wh[1] / source_wh[1])
    return Letterbox(source_wh, target_wh, scale, (0, 0))


def _fitting(box: Letterbox) -> Letterbox:
    if all(resized <= side for resized, side in zip(box.resized_wh, box.target_wh, strict=True)):
        return box
    raise FrameError(
        'the picture does not fit into the model input',
        got='{} x {} px after resizing'.format(*box.resized_wh),
        expected='at most {} x {} px'.format(*box.target_wh),
        hint="Set 'encode.longest_edge' of the input in the manifest.",
    )


def _within_limit(settings: PreprocessSettings, box: Letterbox, free: bool) -> Letterbox:
    """Bounds memory, also that of a narrow picture which is cut after resizing."""
    width, height = max(box.resized_wh, box.target_wh if free else (0, 0), key=math.prod)
    if width * height <= settings.max_pixels:
        return box
    raise FrameError(
        'the picture becomes too large',
        got=f'{width} x {height} px after resizing and padding',
        expected=f'at most {settings.max_pixels} pixels',
        hint="Set 'encode.longest_edge' of the input in the manifest, or a larger "
        "'encode.max_pixels'.",
    )
