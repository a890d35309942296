"""Folders of Triton: `config.pbtxt`, and the file of class names that it tells of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import class_lines
from ml_integration.exports.reading.text_proto import text_proto


class Triton:
    """Size and layout of the picture, and the names of the classes."""

    title = 'Triton folder'
    rank = 60

    def read(self, export: Export) -> Claims:
        """Returns what the configuration says.

        Raises:
            ExportError: it cannot be read, or its file of class names is missing.
        """
        name = export.nearest('config.pbtxt')
        if name is None:
            return Claims()
        try:
            config = text_proto(export.files[name].decode())
        except ValueError as error:
            raise ExportError(f'{name} cannot be read: {error}', where=export.label) from error
        pictures = [one for one in _messages(config, 'input') if len(one.get('dims', ())) >= 3]
        claims = [*_picture(name, pictures[0])] if len(pictures) == 1 else []
        return Claims((*claims, *_labels(export, name, config)))


def _messages(config: dict[str, list[Any]], key: str) -> list[dict[str, list[Any]]]:
    return [one for one in config.get(key, ()) if isinstance(one, dict)]


def _picture(name: str, said: dict[str, list[Any]]) -> Iterator[Claim]:
    layouts = {'FORMAT_NCHW': 'nchw', 'FORMAT_NHWC': 'nhwc'}
    layout = next((layouts[one] for one in said.get('format', ()) if one in layouts), '')
    if layout:
        yield Claim('encode.layout', layout, Origin.SIDECAR, f'{name}: input format')
    dims = [_side(one) for one in said['dims'][-3:]]
    if not layout:
        layout = 'nhwc' if dims[2] in (1, 3) else 'nchw'
    height, width = dims[:2] if layout == 'nhwc' else dims[1:]
    if height and width:
        yield Claim('size', (width, height), Origin.SIDECAR, f'{name}: input dims')


def _side(text: Any) -> int:
    """Returns a side in pixels; 0 where it is free or none."""
    short = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 6
    return int(text) if short and 0 < int(text) <= 2**14 else 0


def _labels(export: Export, name: str, config: dict[str, list[Any]]) -> Iterator[Claim]:
    files = [
        one for output in _messages(config, 'output') for one in output.get('label_filename', ())
    ]
    for file in files[:1]:
        path = str(PurePosixPath(name).parent / PurePosixPath(str(file)).name)
        if path not in export.files:
            what = f'{name} tells of the class names in {file}, which is missing'
            raise ExportError(what, where=export.label, hint='Give the whole folder of the model.')
        names = class_lines(export.files[path], export.label, path)
        yield Claim('labels', names, Origin.SIDECAR, path)
