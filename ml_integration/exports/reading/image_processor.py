"""Reads a `preprocessor_config.json` of Hugging Face as settings of an encoder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ml_integration.errors import ExportError
from ml_integration.exports.reading.document import Document

Said = dict[str, tuple[Any, str]]
"""Values of settings of `encode`, each with the key of the configuration that it comes from."""

INTERPOLATIONS = {0: 'nearest', 1: 'lanczos', 2: 'linear', 3: 'cubic', 4: 'area'}
"""Numbers of Pillow."""
_SHORTEST = (
    *('CLIP', 'ChineseCLIP', 'ConvNext', 'Levit', 'MobileNetV1', 'MobileNetV2', 'MobileViT'),
    *('PoolFormer', 'Bit', 'Detr', 'Yolos', 'ConditionalDetr', 'DeformableDetr', 'MaskFormer'),
    *('Mask2Former', 'OneFormer', 'TextNet'),
)
"""Processors for which a size of one number is that of the shorter side."""
_DETR = (
    *('Detr', 'Yolos', 'ConditionalDetr', 'DeformableDetr', 'GroundingDino'),
    *('MaskFormer', 'Mask2Former'),
)
"""Processors that pad with zeros after normalizing."""
_MASKS = ('MaskFormer', 'Mask2Former', 'OneFormer')
"""Processors that round the sides as torchvision does."""
_UP = ('MaskFormer', 'Mask2Former', 'TextNet')
"""Processors that resize to a multiple of the divisor, where others pad up to it."""
_ASPECT = ('DPT', 'PromptDepthAnything')
"""Processors that may keep the aspect ratio, and round sides to a multiple."""
_UNLIKE = {
    'Owlv2': 'padding to a square before resizing',
    'Donut': 'a thumbnail in the middle of a padded picture',
    'Nougat': 'cutting margins off, and a thumbnail in the middle of a padded picture',
    'Swin2SR': 'padding with the mirrored picture',
    'VitMatte': 'a trimap as a fourth channel',
    'Pix2Struct': 'patches instead of a picture',
    'ZoeDepth': 'a mirrored border, and a resize that puts the outermost pixels on each other',
}
"""What processors do that no setting of an encoder does."""


def encode_of(said: Document) -> Said:
    """Returns what a processor does with a picture.

    Args:
        said: the configuration.

    Raises:
        ExportError: it makes no sense, or no encoder here does the same.
    """
    if _kind(said) in _UNLIKE:
        raise _unknown(said, _UNLIKE[_kind(said)])
    if _kind(said) in _ASPECT and said.flag('do_pad') and said.get('size_divisor'):
        raise _unknown(said, 'padding on all sides up to a multiple')
    found: Said = {'color': ('bgr' if said.flag('do_flip_channel_order') else 'rgb', 'color')}
    if 'do_flip_channel_order' in said:
        found['color'] = (found['color'][0], 'do_flip_channel_order')
    found.update(_resized(said))
    if _kind(said) != 'VitPose':
        found['resampling'] = ('pillow', 'resample')
    rounding = 'torchvision' if _kind(said) in _MASKS else 'transformers'
    found['rounding'] = (rounding, 'image_processor_type')
    resample = said.whole('resample', 0, 5)
    if resample is not None:
        if resample not in INTERPOLATIONS:
            raise said.wrong('resample', 'a number of Pillow from 0 to 4')
        found['interpolation'] = (INTERPOLATIONS[resample], 'resample')
    found.update(_numbers(said))
    return found


def size_of(said: Document) -> tuple[int, int] | None:
    """Returns the width and height that a processor always makes; None if they vary.

    Raises:
        ExportError: they make no sense.
    """
    if _crops(said):
        return _wh(said, 'crop_size')
    if said.flag('do_pad') is not False and 'pad_size' in said:
        return _wh(said, 'pad_size')
    if said.flag('do_resize') is False:
        return None
    size, edge = said.below('size'), _edge(said)
    if edge is not None:
        return (edge, edge) if _kind(said) == 'ConvNext' else None
    if said.flag('keep_aspect_ratio'):
        return None
    if isinstance(said.get('size'), dict) and not {'height', 'width'} <= size.values.keys():
        return None
    return _rounded(said, _wh(said, 'size'))


def _kind(said: Document) -> str:
    name = said.text('image_processor_type') or said.text('feature_extractor_type')
    return re.sub(r'(ImageProcessor(Fast|Pil)?|FeatureExtractor)$', '', name)


def _crops(said: Document) -> bool:
    return said.flag('do_center_crop') is not False and 'crop_size' in said


def _edge(said: Document) -> int | None:
    """Returns the length that the shorter side gets [px]; None if the size says both sides."""
    size = said.get('size')
    if isinstance(size, dict):
        return said.below('size').whole('shortest_edge')
    return said.whole('size') if _kind(said) in _SHORTEST else None


def _wh(said: Document, key: str) -> tuple[int, int] | None:
    value = said.get(key)
    if not isinstance(value, dict):
        side = said.whole(key)
        return None if side is None else (side, side)
    width, height = said.below(key).whole('width'), said.below(key).whole('height')
    if width is None or height is None:
        raise said.wrong(key, 'a height and a width')
    return width, height


def _resized(said: Document) -> Said:
    kind, divisor = _kind(said), said.whole('size_divisor', least=0)
    if kind == 'GLPN':
        return {
            'resize': ('none', 'do_resize'),
            'resize_multiple': (divisor or 32, 'size_divisor'),
        }
    if kind == 'VitPose':
        return dict(_cut_out(said))
    if divisor and 'size' not in said:
        raise _unknown(said, f'a size_divisor of {divisor} without a size')
    if said.flag('do_resize') is False or 'size' not in said:
        return _unresized(said)
    if said.flag('keep_aspect_ratio'):
        return dict(_least(said))
    edge = _edge(said)
    if edge is None:
        return dict(_both_sides(said))
    if kind == 'ConvNext' and not _crops(said):
        if edge >= 384:
            return {'resize': ('stretch', 'size')}
        return {'resize': ('crop', 'size'), 'crop_ratio': _crop_ratio(said, 224 / 256)}
    if _crops(said):
        return dict(_cropped(said, edge))
    return dict(_shortest(said, edge))


def _unresized(said: Document) -> Said:
    if _crops(said):
        raise _unknown(said, 'a crop out of the middle without resizing')
    return {'resize': ('none', 'do_resize')}


def _both_sides(said: Document) -> Iterator[tuple[str, tuple[Any, str]]]:
    size = said.below('size')
    if 'longest_edge' in size and 'pad_size' in said:
        yield 'resize', ('letterbox_topleft', 'size')
        yield from _zeros()
        return
    wh = size_of(Document(said.label, said.name, {**said.values, 'do_center_crop': False}))
    if wh is None:
        raise _unknown(said, f'a size of {", ".join(map(str, [*size.values][:4]))}')
    crop = _wh(said, 'crop_size') if _crops(said) else None
    if crop is None or crop == wh:
        yield 'resize', ('stretch', 'size')
        return
    ratios = {crop[0] / wh[0], crop[1] / wh[1]}
    if len(ratios) > 1 or not 0.1 <= min(ratios) <= 1:
        raise _unknown(said, f'a crop of {crop[0]} x {crop[1]} px out of {wh[0]} x {wh[1]}')
    yield 'resize', ('stretch_crop', 'size')
    yield 'crop_ratio', (ratios.pop(), 'crop_size')


def _cut_out(said: Document) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yields what becomes of a person that is cut out, with black around where there is none."""
    way = 'none' if said.flag('do_affine_transform') is False else 'letterbox'
    yield 'resize', (way, 'do_affine_transform')
    yield 'pad_value', (0.0, 'do_affine_transform')


def _least(said: Document) -> Iterator[tuple[str, tuple[Any, str]]]:
    wh = _wh(said, 'size') if _kind(said) in _ASPECT and not _crops(said) else None
    if wh is None:
        raise _unknown(said, 'keep_aspect_ratio')
    yield 'resize', ('one_side', 'keep_aspect_ratio')
    yield 'to_width', (wh[0], 'size')
    yield 'to_height', (wh[1], 'size')
    yield 'resize_multiple', (said.whole('ensure_multiple_of') or 1, 'ensure_multiple_of')


def _rounded(said: Document, wh: tuple[int, int] | None) -> tuple[int, int] | None:
    """Returns a fixed size at the nearest multiple, as the processors with one round it."""
    multiple = said.whole('ensure_multiple_of')
    if wh is None or multiple is None or _kind(said) not in _ASPECT:
        return wh
    width, height = (max(1, round(side / multiple)) * multiple for side in wh)
    return width, height


def _cropped(said: Document, edge: int) -> Iterator[tuple[str, tuple[Any, str]]]:
    yield 'resize', ('crop', 'do_center_crop')
    if 'crop_pct' in said:
        yield 'crop_ratio', _crop_ratio(said, 1.0)
    else:
        larger = int(edge * 256 / 224) if _kind(said) == 'Levit' else edge
        yield 'shortest_edge', (larger, 'size')
    yield 'pad_value', (0.0, 'do_center_crop')


def _crop_ratio(said: Document, usual: float) -> tuple[Any, str]:
    ratio = said.number('crop_pct') or usual
    if not 0.1 <= ratio <= 1:
        raise said.wrong('crop_pct', 'a number from 0.1 to 1')
    return ratio, 'crop_pct'


def _shortest(said: Document, edge: int) -> Iterator[tuple[str, tuple[Any, str]]]:
    yield 'resize', ('shortest_edge', 'size')
    yield 'shortest_edge', (edge, 'size')
    longest = said.below('size').whole('longest_edge') or said.whole('max_size')
    if longest is not None:
        yield 'longest_edge', (longest, 'size' if 'max_size' not in said else 'max_size')
    elif _kind(said) in _DETR and not isinstance(said.get('size'), dict):
        yield 'longest_edge', (1333, 'size')
    if _kind(said) == 'Yolos':
        yield 'resize_multiple', (16, 'image_processor_type')
    divisor = said.whole('size_divisor', least=0)
    if divisor is None and _kind(said) in _UP:
        divisor = 32
    if divisor and _kind(said) in _UP:
        yield 'resize_multiple', (divisor, 'size_divisor')
        yield 'resize_up', (True, 'image_processor_type')
    elif divisor:
        yield 'pad_multiple', (divisor, 'size_divisor')
    if said.flag('do_pad') is not False:
        yield from _zeros()


def _zeros() -> Iterator[tuple[str, tuple[Any, str]]]:
    yield 'pad_value', (0.0, 'do_pad')
    yield 'pad_normalized', (True, 'do_pad')


def _numbers(said: Document) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yields how the numbers of pixels become those of the tensor."""
    factor = said.number('rescale_factor')
    if factor is not None and not 1e-6 < factor <= 1e6:
        raise said.wrong('rescale_factor', 'a number above 0, such as 1/255')
    rescales = said.flag('do_rescale') is not False
    scale = float(f'{1 / factor:.9g}') if factor else 255.0
    yield 'scale', (scale if rescales else 1.0, 'rescale_factor' if rescales else 'do_rescale')
    normalizes = said.flag('do_normalize') is not False and 'image_mean' in said
    mean = (said.numbers('image_mean') if normalizes else None) or (0.0,)
    std = (said.numbers('image_std') if normalizes else None) or (1.0,)
    if min(std) <= 0:
        raise said.wrong('image_std', 'numbers above 0')
    if rescales and said.flag('rescale_offset'):  # pixels become -1 to 1 before the mean
        mean = tuple(1.0 + value for value in mean)
    if normalizes and _kind(said) == 'EfficientNet' and said.flag('include_top') is not False:
        std = tuple(value * value for value in std)  # it divides by them twice
    of = 'image_{}' if normalizes else 'do_normalize'
    yield 'mean', (mean, of.format('mean'))
    yield 'std', (std, of.format('std'))


def _unknown(said: Document, what: str) -> ExportError:
    return ExportError(
        f'{said.name} asks for {what}, which no setting here does',
        where=said.label,
        hint='Take the processor of a model that stretches, crops or pads pictures, or move '
        'this file away and set encode by hand.',
    )
