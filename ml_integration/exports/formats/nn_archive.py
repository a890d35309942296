"""NN Archives of Luxonis: a model and a `config.json` with `config_version`."""

from __future__ import annotations

from collections.abc import Iterator

from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import class_names
from ml_integration.exports.reading.document import Document, json_document

_TASKS = (
    ('obb', 'object_detection'),
    ('keypoint', 'keypoints'),
    ('pose', 'keypoints'),
    ('embedding', 'embedding'),
    ('segmentation', 'segmentation'),
    ('classification', 'classification'),
    ('yolo', 'object_detection'),
    ('ssd', 'object_detection'),
    ('detection', 'object_detection'),
)


class NnArchive:
    """`config.json` with the inputs, their preprocessing and the heads of a model."""

    title = 'NN Archive'
    rank = 30

    def read(self, export: Export) -> Claims:
        """Returns what the configuration says.

        Raises:
            ExportError: it is one of an NN Archive and makes no sense.
        """
        name = export.nearest('config.json')
        if name is None or b'config_version' not in export.files[name]:
            return Claims()
        said = json_document(export.files[name], export.label, name)
        if 'config_version' not in said or 'model' not in said:
            return Claims()
        model = said.below('model')
        pictures = [one for one in model.each('inputs') if one.get('input_type') == 'image']
        heads = model.each('heads')
        if len(pictures) > 1 or len(heads) > 1:
            what = f'{name} tells of {len(pictures)} pictures and {len(heads)} heads'
            raise ExportError(
                what, where=export.label, expected='one of each', hint='Export a head alone.'
            )
        return Claims(
            (
                *_about(model.below('metadata')),
                *(claim for one in pictures for claim in _picture(one)),
                *(claim for one in heads for claim in _head(one)),
            )
        )


def _about(said: Document) -> Iterator[Claim]:
    if name := said.text('name'):
        yield said.claim('description', name, 'name')


def _picture(said: Document) -> Iterator[Claim]:
    layout = said.text('layout').upper()
    if layout in ('NCHW', 'NHWC'):
        yield said.claim('encode.layout', layout.lower(), 'layout')
    shape = said.numbers('shape') or ()
    if len(shape) == 4 and layout in ('NCHW', 'NHWC'):
        sides = dict(zip(layout, shape, strict=True))
        if all(side.is_integer() and 1 <= side <= 2**14 for side in (sides['W'], sides['H'])):
            yield said.claim('size', (int(sides['W']), int(sides['H'])), 'shape')
    yield from _encode(said.below('preprocessing'))


def _encode(said: Document) -> Iterator[Claim]:
    kind = said.text('dai_type').upper()
    if kind:
        color = next((c for c in ('rgb', 'bgr', 'gray') if kind.startswith(c.upper())), '')
        if not color:
            raise said.wrong('dai_type', 'a type such as RGB888p, BGR888p or GRAY8')
        yield said.claim('encode.color', color, 'dai_type')
    elif (reverse := said.flag('reverse_channels')) is not None:
        yield said.claim('encode.color', 'rgb' if reverse else 'bgr', 'reverse_channels')
    mean, scale = said.numbers('mean') or (0.0,), said.numbers('scale') or (1.0,)
    if min(scale) <= 0:
        raise said.wrong('scale', 'numbers above 0')
    if any(mean) or len(set(scale)) > 1:  # both in units of pixels
        values = {'scale': 1.0, 'mean': mean, 'std': scale}
    else:
        values = {'scale': scale[0], 'mean': (0.0,), 'std': (1.0,)}
    for key, value in values.items():
        yield said.claim(f'encode.{key}', value, 'mean' if key == 'mean' else 'scale')


def _head(said: Document) -> Iterator[Claim]:
    metadata = said.below('metadata')
    kind = f'{said.text("parser")} {metadata.text("subtype")}'.lower()
    task = next((task for word, task in _TASKS if word in kind), '')
    if metadata.number('n_keypoints'):
        task = 'keypoints'
    if metadata.number('n_prototypes') or metadata.get('mask_outputs'):
        task = 'instance_segmentation'
    if task:
        yield said.claim('task', task, 'parser')
    if 'classes' in metadata:
        names = class_names(metadata.get('classes'), said.label, metadata.place('classes'))
        yield metadata.claim('labels', names, 'classes')
    softmax = metadata.flag('is_softmax')
    if task == 'classification' and softmax is not None:
        yield metadata.claim('settings.softmax', not softmax, 'is_softmax')
    for of, key in (
        ('conf_threshold', 'settings.score_threshold'),
        ('iou_threshold', 'settings.iou_threshold'),
    ):
        value = metadata.number(of)
        if value is not None and task in ('object_detection', 'instance_segmentation'):
            if not 0 <= value <= 1:
                raise metadata.wrong(of, 'a number from 0 to 1')
            yield metadata.claim(key, value, of)
