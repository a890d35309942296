"""Whatever an export says, it is read as claims or refused with a sentence."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from exports_made import (
    DETR_CONFIG,
    DETR_PROCESSOR,
    LABEL_MAP,
    NN_ARCHIVE,
    OTX,
    ROBOFLOW,
    TIMM,
    TRITON,
    ULTRALYTICS,
    VIT_PROCESSOR,
    with_metadata,
)
from fuzzing import SECONDS, fuzz
from hidden_weights import WEIGHTS, external, hidden

from ml_integration.core import plugins
from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.exports.formats import PLUGINS
from ml_integration.exports.reading.source import open_source

WORDS = [
    b'{', b'}', b'[', b']', b'(', b'"', b"'", b'\\', b'\\u0000', b'\\ud800', b'null', b'true',
    b'NaN', b'Infinity', b'1e400', b'names', b'"size"', b'id: ', b'item {', b'<', b'>', b'#',
    b'\n\n', b'\xff', b'"shortest_edge": ', b'"height": 0', b'"model": ', b'dims: [',
]  # fmt: skip
DEEP = [b'[' * 100_000, b'{"a":' * 50_000, b'item {' * 50_000, b'(' * 50_000, b'#' * 100_000,
        b'# \n' * 50_000 + b'!', b"'" + b'\\a' * 50_000, b'1' * 100_000, b' ' * 100_000 + b'!',
        b'names: {' + b','.join(b'%d: a' % n for n in range(9000)) + b'}']  # fmt: skip


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


CASES: dict[str, tuple[str, list[tuple[str, bytes]]]] = {
    'ultralytics': (
        '',
        [('', written(ULTRALYTICS)), ('', b'{"names": "[\'a\']", "stride": "8"}')],
    ),
    'model_api': ('', [('', written(OTX))]),
    'hugging_face': (
        'config.json',
        [
            ('config.json', written(DETR_CONFIG)),
            ('preprocessor_config.json', written(DETR_PROCESSOR)),
            ('preprocessor_config.json', written(VIT_PROCESSOR)),
        ],
    ),
    'nn_archive': ('config.json', [('config.json', written(NN_ARCHIVE))]),
    'roboflow': (
        'inference_config.json',
        [
            ('inference_config.json', written(ROBOFLOW)),
            (
                'environment.json',
                written({'CLASS_LIST': ['a'], 'PREPROCESSING': '{"resize": {}}'}),
            ),
            ('class_names.txt', b'a\nb'),
        ],
    ),
    'timm': ('config.json', [('config.json', written(TIMM))]),
    'triton': ('config.pbtxt', [('config.pbtxt', TRITON), ('names.txt', b'red\ngreen')]),
    'beside': (
        'data.yaml',
        [
            ('data.yaml', b'names: {0: a, 1: b}\nnc: 2'),
            ('labels.txt', b'0 a\n1 b'),
            ('label_map.pbtxt', LABEL_MAP),
        ],
    ),
}


def exports_of(format_name: str, data: bytes) -> list[Export]:
    """The data as every file that the format reads, beside good ones; or as metadata."""
    main, good = CASES[format_name]
    if not main:
        text = data.decode('utf-8', 'backslashreplace')
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = dict.fromkeys(OTX if format_name == 'model_api' else ULTRALYTICS, text)
        pairs = said.items() if isinstance(said, dict) else ()
        return [Export('it', 'm.onnx', {}, {key: str(value) for key, value in pairs})]
    files = {main: good[0][1], **dict(reversed(good))}
    return [Export('it', 'm.onnx', {**files, name: data}) for name in files]


def check(claims: Claims) -> None:
    """Claims can be printed, compared and kept."""
    for claim in claims:
        assert claim.origin in (Origin.METADATA, Origin.SIDECAR)
        f'{claim.key} {claim.value} {claim.source}'.encode()
        hash(claim.value)
        if claim.key == 'labels':
            assert all(name.isprintable() and name.strip() for name in claim.value)
        if claim.key == 'size':
            assert all(1 <= side <= 2**14 for side in claim.value)


@pytest.mark.parametrize('format_name', CASES)
def test_formats(format_name: str, tmp_path: Path) -> None:
    reader = plugins.load(PLUGINS, format_name)()

    def read(data: bytes) -> None:
        refused = []
        for export in exports_of(format_name, data):
            try:
                check(reader.read(export))
            except ExportError as error:
                refused.append(error)
        if refused:
            raise refused[0]

    seeds = [data for _, data in CASES[format_name][1]]
    fuzz(read, seeds, ExportError, corpus=DEEP, words=WORDS, keep=tmp_path, seconds=SECONDS / 2)


def test_every_format_is_fed() -> None:
    assert set(CASES) == set(plugins.names(PLUGINS))


@pytest.mark.parametrize('name', ['best.onnx', 'export.zip', 'export.tar', 'export.tar.xz'])
def test_sources(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    (tmp_path / 'weights.bin').write_bytes(WEIGHTS.tobytes())
    seeds = [with_metadata(ULTRALYTICS), hidden('initializer', external())]
    if name != 'best.onnx':
        seeds = [_archived(file, data) for data in seeds]

    def read(data: bytes) -> None:
        file.write_bytes(data)
        source = open_source(file)
        str(source.export).encode('utf-8', 'backslashreplace')
        assert set(source.external) <= {'weights.bin'}

    fuzz(read, seeds, ExportError, words=WORDS, keep=tmp_path, seconds=SECONDS / 2)


def _archived(file: Path, model: bytes) -> bytes:
    stream = io.BytesIO()
    files = {'m/best.onnx': model, 'm/weights.bin': WEIGHTS.tobytes(), 'm/data.yaml': b'names: []'}
    if file.suffix == '.zip':
        with zipfile.ZipFile(stream, 'w') as opened:
            for name, content in files.items():
                opened.writestr(name, content)
        return stream.getvalue()
    with tarfile.open(fileobj=stream, mode='w:xz' if file.suffix == '.xz' else 'w:') as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()
