"""ONNX files of OTX, Geti and others with the metadata of OpenVINO's Model API."""

from __future__ import annotations

from collections.abc import Iterator

from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import class_names
from ml_integration.exports.reading.document import Document

_PREFIX = 'model_info '
_RESIZES = {
    'standard': 'stretch',
    'fit_to_window': 'letterbox_topleft',
    'fit_to_window_letterbox': 'letterbox',
    'crop': 'crop',
}
_TASKS = (
    ('anomaly', 'anomaly'),
    ('rotated', 'oriented_boxes'),
    ('keypoint', 'keypoints'),
    ('maskrcnn', 'instance_segmentation'),
    ('segmentation', 'segmentation'),
    ('classification', 'classification'),
    ('ssd', 'object_detection'),
    ('yolo', 'object_detection'),
    ('detection', 'object_detection'),
    ('detr', 'object_detection'),
)


class ModelApi:
    """Metadata `model_info model_type`, `model_info labels`, ..."""

    title = 'OTX / Model API metadata'
    rank = 20

    def read(self, export: Export) -> Claims:
        """Returns what the metadata says.

        Raises:
            ExportError: it says something senseless.
        """
        values = {
            key.removeprefix(_PREFIX): value
            for key, value in export.metadata.items()
            if key.startswith(_PREFIX)
        }
        if 'model_type' not in values:
            return Claims()
        said = Document(export.label, 'metadata model_info', values, Origin.METADATA)
        return Claims((*_task(said), *_labels(said), *_settings(said), *_encode(said)))


def _task(said: Document) -> Iterator[Claim]:
    kind = said.text('model_type').lower()
    task = next((task for word, task in _TASKS if word in kind), '')
    if task == 'classification' and said.flag('hierarchical'):
        task = 'hierarchical_classification'
    elif task == 'classification' and said.flag('multilabel'):
        yield said.claim('settings.multi_label', True, 'multilabel')
    if task:
        yield said.claim('task', task, 'model_type')
    if name := said.text('model_name'):
        yield said.claim('description', name, 'model_name')


def _labels(said: Document) -> Iterator[Claim]:
    text = said.get('labels')
    if text and text.split():
        separator = ',' if ',' in text else None
        names = [name.strip().replace('_', ' ') for name in text.split(separator)]
        yield said.claim('labels', class_names(names, said.label, said.place('labels')), 'labels')


def _settings(said: Document) -> Iterator[Claim]:
    for of, key in (
        ('confidence_threshold', 'settings.score_threshold'),
        ('iou_threshold', 'settings.iou_threshold'),
    ):
        value = said.number(of)
        if value is None:
            continue
        if not 0 <= value <= 1:
            raise said.wrong(of, 'a number from 0 to 1')
        if not (
            key.endswith('iou_threshold') and 'classification' in said.text('model_type').lower()
        ):
            yield said.claim(key, value, of)


def _encode(said: Document) -> Iterator[Claim]:
    resize = said.text('resize_type') or 'standard'
    if resize not in _RESIZES:
        raise said.wrong('resize_type', f'one of {", ".join(_RESIZES)}')
    yield said.claim('encode.resize', _RESIZES[resize], 'resize_type')
    if resize == 'crop':
        yield said.claim('encode.crop_ratio', 1.0, 'resize_type')
    if resize.startswith('fit_to_window'):
        yield said.claim('encode.pad_value', _pad(said), 'pad_value')
    color = 'rgb' if said.flag('reverse_input_channels') else 'bgr'
    yield said.claim('encode.color', color, 'reverse_input_channels')
    yield said.claim('encode.scale', 1.0, 'scale_values')
    yield said.claim('encode.mean', said.numbers('mean_values') or (0.0,), 'mean_values')
    scales = said.numbers('scale_values') or (1.0,)
    if min(scales) <= 0:
        raise said.wrong('scale_values', 'numbers above 0')
    yield said.claim('encode.std', scales, 'scale_values')


def _pad(said: Document) -> float:
    value = said.number('pad_value') or 0.0
    if not 0 <= value <= 255:
        raise said.wrong('pad_value', 'a number from 0 to 255')
    return value
