"""Models of timm: `config.json` with `pretrained_cfg`, as on a hub, beside a bare model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_integration.core.datatypes import TensorSpec
from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import class_names
from ml_integration.exports.reading.document import Document, json_document
from ml_integration.ops.picture_input import IMAGENET_MEAN, IMAGENET_STD

_INTERPOLATIONS = {
    'bicubic': 'cubic',
    'bilinear': 'linear',
    'box': 'area',
    'lanczos': 'lanczos',
    'nearest': 'nearest',
}
_IMAGENET = {'mean': IMAGENET_MEAN, 'std': IMAGENET_STD}
"""Numbers that timm takes where a configuration has none."""
_MODES = {'center': 'crop', 'squash': 'stretch_crop'}


class Timm:
    """`pretrained_cfg`: the classes, the size of the picture and how it is prepared."""

    title = 'timm folder'
    rank = 35

    def read(self, export: Export) -> Claims:
        """Returns what the configuration says.

        Raises:
            ExportError: it makes no sense, or tells of preprocessing that no encoder here does.
        """
        name = export.nearest('config.json')
        if name is None or b'"pretrained_cfg"' not in export.files[name]:
            return Claims()
        config = json_document(export.files[name], export.label, name)
        said = config.below('pretrained_cfg')
        if not said.values:
            return Claims()
        claims = [*_about(config, said)]
        if (config.whole('num_classes', 0, 2**20) or 0) > 0:
            claims.append(config.claim('task', 'classification', 'num_classes'))
            claims.append(config.claim('settings.softmax', True, 'num_classes'))
        return Claims((*claims, *_picture(said, export.inputs)))


def _about(config: Document, said: Document) -> Iterator[Claim]:
    architecture = config.text('architecture')
    if architecture:
        tag = said.text('tag')
        yield config.claim('origin', f'timm: {architecture}{"." * bool(tag)}{tag}', 'architecture')
    if said.text('license'):
        yield said.claim('license', said.text('license'), 'license')
    for place in (config, said):
        if 'label_names' in place:
            names = class_names(_described(place), place.label, place.place('label_names'))
            yield place.claim('labels', names, 'label_names')
            return


def _described(said: Document) -> Any:
    """Returns the names, in words where they are numbers of a dictionary such as n02123045."""
    names, words = said.get('label_names'), said.below('label_descriptions').values
    if isinstance(names, list):
        return [words.get(one, one) if isinstance(one, str) else one for one in names]
    return names


def _picture(said: Document, inputs: tuple[TensorSpec, ...]) -> Iterator[Claim]:
    """Yields what `timm.data.create_transform` does with a picture."""
    test = _is_test_size(said, inputs)
    key = 'test_input_size' if test else 'input_size'
    wh = _wh(said, key)
    if wh is not None:
        yield said.claim('size', wh, key)
    mode = said.text('crop_mode') or 'center'
    if mode not in _MODES:
        raise _unknown(said, 'crop_mode', mode)
    interpolation = said.text('interpolation') or 'bicubic'
    if interpolation not in _INTERPOLATIONS:
        raise _unknown(said, 'interpolation', interpolation)
    yield said.claim('encode.resize', _MODES[mode], 'crop_mode')
    key = 'test_crop_pct' if test and 'test_crop_pct' in said else 'crop_pct'
    ratio = said.number(key) or 0.875
    if not 0.1 <= ratio <= 1:
        raise said.wrong(key, 'a number from 0.1 to 1')
    yield said.claim('encode.crop_ratio', ratio, key)
    yield said.claim('encode.interpolation', _INTERPOLATIONS[interpolation], 'interpolation')
    usual = {'resampling': 'pillow', 'rounding': 'torchvision', 'color': 'rgb', 'scale': 255.0}
    for setting, value in {**usual, 'pad_value': 0.0}.items():
        yield said.claim(f'encode.{setting}', value, 'crop_mode')
    for setting, imagenet in _IMAGENET.items():
        numbers = said.numbers(setting) or imagenet
        if setting == 'std' and min(numbers) <= 0:
            raise said.wrong(setting, 'numbers above 0')
        yield said.claim(f'encode.{setting}', numbers, setting)


def _is_test_size(said: Document, inputs: tuple[TensorSpec, ...]) -> bool:
    """Tells whether a model takes pictures of the larger size that timm's tables tell of."""
    other, usual = _wh(said, 'test_input_size'), _wh(said, 'input_size')
    sides = {spec.shape[2:][::-1] for spec in inputs if len(spec.shape) == 4}
    return other is not None and other != usual and other in sides


def _wh(said: Document, key: str) -> tuple[int, int] | None:
    sizes = said.numbers(key)
    if sizes is None:
        return None
    if len(sizes) != 3 or not all(one.is_integer() and 1 <= one <= 2**14 for one in sizes):
        raise said.wrong(key, 'a number of channels, a height and a width')
    return int(sizes[2]), int(sizes[1])


def _unknown(said: Document, key: str, value: str) -> ExportError:
    return ExportError(
        f'{said.place(key)} asks for {value[:40]}, which no setting here does',
        where=said.label,
        hint='Move this file away and set encode by hand.',
    )
