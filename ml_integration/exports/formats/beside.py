"""Files with class names beside a bare model: of YOLO data sets, Darknet and TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_integration.errors import ExportError, ManifestError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import class_lines, class_names
from ml_integration.exports.reading.document import Document
from ml_integration.exports.reading.text_proto import text_proto
from ml_integration.store.package.plain_yaml import load_yaml

_YAML = ('data.yaml', 'data.yml', 'dataset.yaml', 'coco.yaml', 'metadata.yaml')
_LINES = ('classes.txt', 'class_names.txt', 'labels.txt', '*.names', '*labels.txt', '*classes.txt')
_MAPS = ('label_map.pbtxt', '*label_map.pbtxt', '*labelmap.pbtxt')
_OFFSET = 'settings.decoder_options.class_offset'


class Beside:
    """`data.yaml`, `classes.txt`, `coco.names` or `label_map.pbtxt`: the first that is there."""

    title = 'class names beside the model'
    rank = 90

    def read(self, export: Export) -> Claims:
        """Returns the class names.

        Raises:
            ExportError: a file that should hold them does not.
        """
        for patterns, read in ((_YAML, _of_yaml), (_LINES, _of_lines), (_MAPS, _of_map)):
            for name in filter(None, map(export.nearest, patterns)):
                claims = Claims(tuple(read(export, name)))
                if claims:
                    return claims
        return Claims()


def _of_yaml(export: Export, name: str) -> Iterator[Claim]:
    try:
        said = load_yaml(export.files[name], Path(name))
    except ManifestError as error:
        raise ExportError(f'{name} cannot be read: {error}', where=export.label) from error
    if not isinstance(said, dict) or 'names' not in said:
        return
    names = class_names(said['names'], export.label, f'{name}: names')
    if said.get('nc', len(names)) != len(names):
        expected = f'{len(names)}, as it gives that many names'
        raise Document(export.label, name, said).wrong('nc', expected)
    yield Claim('labels', names, Origin.SIDECAR, f'{name}: names')


def _of_lines(export: Export, name: str) -> Iterator[Claim]:
    names = class_lines(export.files[name], export.label, name)
    yield Claim('labels', names, Origin.SIDECAR, name)


def _of_map(export: Export, name: str) -> Iterator[Claim]:
    """Yields the names of a label map, whose numbers begin with 1 as a rule."""
    try:
        items = text_proto(export.files[name].decode()).get('item', [])
        numbered = dict(_item(one) for one in items)
    except (ValueError, TypeError) as error:
        raise ExportError(f'{name} cannot be read: {error}', where=export.label) from error
    first = min(numbered, default=0)
    names = class_names({n - first: text for n, text in numbered.items()}, export.label, name)
    yield Claim('labels', names, Origin.SIDECAR, name)
    yield Claim(_OFFSET, first, Origin.SIDECAR, f'{name}: id')


def _item(item: Any) -> tuple[int, str]:
    if not isinstance(item, dict):
        raise ValueError('an item that is none')
    number = str(item.get('id', [''])[0])
    names = item.get('display_name') or item.get('name') or ['']
    if not (number.isascii() and number.isdecimal() and len(number) < 7):
        raise ValueError('an item without an id')
    return int(number), str(names[0])
