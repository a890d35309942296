"""ONNX files of Ultralytics and YOLOv5, which say in their metadata what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import class_names
from ml_integration.exports.reading.document import Document
from ml_integration.exports.reading.python_literal import python_literal
from ml_integration.ops.picture_input import IMAGENET_MEAN, IMAGENET_STD

TASKS = {
    'detect': 'object_detection',
    'classify': 'classification',
    'segment': 'instance_segmentation',
    'pose': 'keypoints',
    'obb': 'object_detection',
}
LETTERBOX = {'resize': 'letterbox', 'scale': 255.0, 'mean': (0.0,), 'std': (1.0,)}
_LITERALS = ('names', 'imgsz', 'args', 'kpt_shape', 'stride', 'batch', 'channels', 'end2end')
IMAGENET = {'mean': IMAGENET_MEAN, 'std': IMAGENET_STD}


class Ultralytics:
    """Metadata `names`, `task`, `imgsz`, ...; of YOLOv5 only `names` and `stride`."""

    title = 'Ultralytics metadata'
    rank = 10

    def read(self, export: Export) -> Claims:
        """Returns what the metadata says.

        Raises:
            ExportError: it has `names` that are none, or a task that nobody knows.
        """
        if 'names' not in export.metadata or export.metadata['names'][:1] not in '{[(':
            return Claims()
        said = _document(export)
        return Claims((*_about(said), *_classes(said), *_picture(said, export)))


def _document(export: Export) -> Document:
    values: dict[str, Any] = dict(export.metadata)
    for key in _LITERALS:
        if key in values:
            try:
                values[key] = python_literal(values[key])
            except ValueError as error:
                if key == 'names':
                    raise ExportError(
                        f"the metadata 'names' cannot be read: {error}", where=export.label
                    ) from error
                del values[key]
    return Document(export.label, 'metadata', values, Origin.METADATA)


def _about(said: Document) -> Iterator[Claim]:
    for key in ('description', 'license'):
        if text := said.text(key):
            yield said.claim(key, text, key)
    parts = [said.text('author'), said.text('version'), said.text('date')]
    if parts[0]:
        yield said.claim('origin', ' '.join(filter(None, parts)), 'author')


def _classes(said: Document) -> Iterator[Claim]:
    names = class_names(said.get('names'), said.label, said.place('names'))
    yield said.claim('labels', names, 'names')
    task = said.text('task')
    if task and task not in TASKS:
        raise said.wrong('task', f'one of {", ".join(TASKS)}')
    if task:
        yield said.claim('task', TASKS[task], 'task')
    ends = said.get('end2end') is True or said.below('args').get('nms') is True
    if task == 'obb':
        yield said.claim('settings.decoder', 'yolo_obb', 'task')
    elif task in ('detect', 'segment', 'pose') and ends:
        of = 'end2end' if said.get('end2end') is True else 'args'
        yield said.claim('settings.decoder', 'end_to_end', of)
    elif task == 'pose':
        yield said.claim('settings.decoder', 'yolov8', 'task')
    if task == 'pose':
        yield from _points(said)


def _points(said: Document) -> Iterator[Claim]:
    """Yields how the points lie in the rows of the boxes."""
    shape = said.numbers('kpt_shape')
    if shape is None:
        return
    if len(shape) != 2 or shape[1] not in (2, 3) or not 1 <= shape[0] <= 1000:
        raise said.wrong('kpt_shape', 'the number of points, and of the numbers of each: 2 or 3')
    count, numbers = (int(number) for number in shape)
    yield said.claim('settings.points', 'in_rows', 'task')
    yield said.claim('settings.points_options.numbers', numbers, 'kpt_shape')
    yield said.claim('settings.decoder_options.other_columns', count * numbers, 'kpt_shape')


def _picture(said: Document, export: Export) -> Iterator[Claim]:
    sides = said.numbers('imgsz')
    if sides is not None:
        if len(sides) > 2 or not all(s.is_integer() and 1 <= s <= 2**14 for s in sides):
            raise said.wrong('imgsz', 'one or two sides in pixels')
        yield said.claim('size', (int(sides[-1]), int(sides[0])), 'imgsz')
    of = 'task' if 'task' in said else 'names'
    if said.text('task') == 'classify':
        side = int(min(sides)) if sides else 0
        encode = {**LETTERBOX, 'resize': 'crop', 'crop_ratio': 1.0, 'resampling': 'pillow'}
        encode.update({'shortest_edge': side} if side else {})
    elif 'task' not in said and _classifies(export):  # YOLOv5
        encode = {**LETTERBOX, **IMAGENET, 'resize': 'crop', 'crop_ratio': 1.0}
    else:
        encode = {**LETTERBOX, 'pad_value': 114.0}
    encode['color'] = 'gray' if said.get('channels') == 1 else 'rgb'
    for key, value in encode.items():
        yield said.claim(f'encode.{key}', value, of)


def _classifies(export: Export) -> bool:
    return len(export.outputs) == 1 and len(export.outputs[0].shape) == 2
