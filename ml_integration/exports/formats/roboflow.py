"""Model packages of Roboflow: `inference_config.json`, `class_names.txt`, `environment.json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import class_lines, class_names
from ml_integration.exports.reading.document import Document, json_document

_RESIZES = {'stretch': 'stretch', 'letterbox': 'letterbox', 'center-crop': 'crop'}
_TASKS = {
    'object-detection': 'object_detection',
    'classification': 'classification',
    'multi-label-classification': 'classification',
    'instance-segmentation': 'instance_segmentation',
    'semantic-segmentation': 'segmentation',
    'keypoint-detection': 'keypoints',
}


class Roboflow:
    """How pictures are prepared, and the names of the classes."""

    title = 'Roboflow package'
    rank = 50

    def read(self, export: Export) -> Claims:
        """Returns what the files say.

        Raises:
            ExportError: they make no sense, or want pictures to be changed in a way that no
                encoder here can.
        """
        config = export.nearest('inference_config.json')
        environment = export.nearest('environment.json')
        claims: list[Claim] = []
        if config is not None:
            said = json_document(export.files[config], export.label, config)
            claims += [*_picture(said), *_after(said.below('post_processing'))]
        if config is not None or environment is not None:
            claims += [*_labels(export), *_kind(export)]
        if environment is not None:
            claims += _old(json_document(export.files[environment], export.label, environment))
        return Claims(tuple(claims))


def _labels(export: Export) -> Iterator[Claim]:
    name = export.nearest('class_names.txt')
    if name is not None:
        names = class_lines(export.files[name], export.label, name)
        yield Claim('labels', names, Origin.SIDECAR, name)


def _kind(export: Export) -> Iterator[Claim]:
    name = export.nearest('model_type.json')
    if name is not None:
        said = json_document(export.files[name], export.label, name)
        of = next((key for key in ('task_type', 'project_task_type') if key in said), 'task_type')
        if said.text(of) in _TASKS:
            yield said.claim('task', _TASKS[said.text(of)], of)
            if said.text(of).startswith('multi-label'):
                yield said.claim('settings.multi_label', True, of)


def _picture(said: Document) -> Iterator[Claim]:
    _check_changes(said.below('image_pre_processing'))
    network = said.below('network_input')
    size = network.below('training_input_size')
    width, height = size.whole('width'), size.whole('height')
    if width and height:
        yield network.claim('size', (width, height), 'training_input_size')
    mode = network.text('resize_mode')
    if mode and mode not in _RESIZES:
        raise network.wrong('resize_mode', f'one of {", ".join(_RESIZES)}')
    if mode:
        yield network.claim('encode.resize', _RESIZES[mode], 'resize_mode')
    if mode == 'center-crop':
        yield network.claim('encode.crop_ratio', 1.0, 'resize_mode')
    if mode == 'letterbox':
        pad = network.whole('padding_value', 0, 255) or 0
        yield network.claim('encode.pad_value', float(pad), 'padding_value')
    color = 'gray' if network.whole('input_channels') == 1 else network.text('color_mode').lower()
    if color:
        if color not in ('rgb', 'bgr', 'gray'):
            raise network.wrong('color_mode', 'rgb or bgr')
        yield network.claim('encode.color', color, 'color_mode')
    yield from _numbers(network)


def _numbers(network: Document) -> Iterator[Claim]:
    scale = network.number('scaling_factor')
    if scale is not None and scale <= 0:
        raise network.wrong('scaling_factor', 'a number above 0')
    yield network.claim('encode.scale', scale or 1.0, 'scaling_factor')
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    pair = network.get('normalization')
    if pair is not None:
        parts = Document(network.label, network.place('normalization'), _pair(network, pair))
        mean, std = parts.numbers('mean') or mean, parts.numbers('std') or std
        if min(std) <= 0:
            raise network.wrong('normalization', 'means, and deviations above 0')
    yield network.claim('encode.mean', mean, 'normalization')
    yield network.claim('encode.std', std, 'normalization')


def _pair(network: Document, pair: Any) -> dict[str, Any]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise network.wrong('normalization', 'a list of means and a list of deviations')
    return {'mean': pair[0], 'std': pair[1]}


def _check_changes(said: Document) -> None:
    """Refuses changes of pictures before they are resized."""
    for key, words in (
        ('static-crop', 'cut out of each picture'),
        ('contrast', 'stretched in contrast'),
        ('grayscale', 'made gray'),
    ):
        if said.below(key).flag('enabled'):
            raise ExportError(
                f'{said.name} wants a part {words} first, which no setting here does'
                if key == 'static-crop'
                else f'{said.name} wants pictures {words} first, which no setting here does',
                where=said.label,
                hint='Train on a version of the data without this preprocessing.',
            )


def _after(said: Document) -> Iterator[Claim]:
    if said.text('type') == 'softmax':
        yield said.claim('settings.softmax', said.flag('fused') is not True, 'type')


def _old(said: Document) -> Iterator[Claim]:
    """Yields what `environment.json` of older packages says."""
    if 'CLASS_LIST' in said:
        names = class_names(said.get('CLASS_LIST'), said.label, said.place('CLASS_LIST'))
        yield said.claim('labels', names, 'CLASS_LIST')
    text = said.get('PREPROCESSING')
    if isinstance(text, str):
        text = json_document(text.encode('utf-8', 'replace'), said.label, 'PREPROCESSING').values
    steps = Document(
        said.label, said.place('PREPROCESSING'), text if isinstance(text, dict) else {}
    )
    _check_changes(steps)
    resize = steps.below('resize')
    width, height = resize.whole('width'), resize.whole('height')
    if width and height:
        yield resize.claim('size', (width, height), 'width')
    way = resize.text('format').lower()
    if way.startswith('fit'):
        pad = 255.0 if 'white' in way else 114.0 if 'gray' in way else 0.0
        yield resize.claim('encode.resize', 'letterbox', 'format')
        yield resize.claim('encode.pad_value', pad, 'format')
    elif way.startswith('stretch'):
        yield resize.claim('encode.resize', 'stretch', 'format')
