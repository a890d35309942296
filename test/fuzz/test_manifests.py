"""Whatever a manifest or a composition says, it is read or refused with a sentence."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml
from fuzzing import fuzz
from model_folders import write_model_folder

from ml_integration.cli.show import _document, _rows
from ml_integration.errors import ManifestError, SettingError
from ml_integration.store.package.manifest import parse_manifest
from ml_integration.store.package.plain_yaml import load_yaml
from ml_integration.store.state.composition_file import read_composition

ROOT = Path(__file__).parents[2]
FILE = Path('manifest.yaml')
CORPUS = [
    b'a: !!bool maybe', b'a: !!int ""', b'a: !!timestamp x', b'a: 0x' + b'f' * 100_000,
    b'a: ' + b':'.join([b'1'] * 20_000), b'[' * 100_000, b'{a: ' * 900, b'- ' * 100_000,
    b'{' + b'a,' * 100_000, b'<<: {a: 1}', b'a: &x [*x]', b'a: "\\uD800"', b'"\\0": 1', b'? ? ?',
    b'2020-01-01: 1', b'null: 1', b'a: =', b'\xff\xfe\x00', b'%YAML 9.9\n---\na', b'a: |9\n x',
]  # fmt: skip
WORDS = [
    b'!!bool ', b'!!python/name:os.system ', b'&a ', b'*a', b'<<: ', b'? ', b'- ', b': ', b'{',
    b'[', b'}', b']', b'"\\x1b"', b'"\\uD800"', b'|\n ', b'>\n ', b'#', b'%TAG ! x', b'---\n',
    b'...\n', b'null', b'~', b'.inf', b'true', b'\n  ', b'\t', b'../', b'manifest.yaml',
    b'state_of: ', b'constant: ',
]  # fmt: skip
ODD: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, 10**30, 0.5, float('nan'), float('inf'), '', 'a',
    'x' * 300, '../x', '/x', 'a\nb', '\x7f', 'ä', [], [None], [[[]]], {}, {'a': {}},
    {'rate_hz': float('inf')},
    {'window_ms': 1e308}, 'manifest.yaml', [1, 2, 3, 2**31], {'sha256': 'f' * 64, 'size': 10**30},
]  # fmt: skip


def changed(data: bytes, dice: random.Random) -> bytes:
    """The same document with some values replaced, removed or exchanged."""
    try:
        document = yaml.safe_load(data)
        for _ in range(dice.randrange(1, 4)):
            document = _changed(document, dice, 0)
        return yaml.safe_dump(document, sort_keys=False).encode('utf-8', 'replace')
    except Exception:  # it was damaged before
        return data


def _changed(value: Any, dice: random.Random, depth: int) -> Any:
    if depth and dice.random() < 0.3:
        return dice.choice(ODD)
    if isinstance(value, dict) and value:
        key = dice.choice([*value])
        if dice.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if dice.random() < 0.1:
            return {**value, dice.choice(['x', 'keep', 'constant', 'size_of']): dice.choice(ODD)}
        return {**value, key: _changed(value[key], dice, depth + 1)}
    if isinstance(value, list) and value:
        index = dice.randrange(len(value))
        one = _changed(value[index], dice, depth + 1)
        return [*value[:index], one, *value[index + dice.randrange(2) :]]
    return dice.choice(ODD)


def test_manifests(tmp_path: Path) -> None:
    good = (write_model_folder(tmp_path / 'store') / 'manifest.yaml').read_bytes()
    more = yaml.safe_load(good)
    more['inputs'] += [
        {'tensor': 'state', 'state_of': more['outputs'][0]['tensor']},
        {'tensor': 'rate', 'constant': 16000},
        {'tensor': 'size', 'size_of': more['inputs'][0]['tensor'], 'order': 'wh'},
        {**more['inputs'][0], 'tensor': 'b', 'topic': 'b', 'keep': {'window_ms': 100}},
    ]
    more['encryption'] = {'algorithm': 'aes-256-gcm', 'files': ['model.onnx']}

    def read(data: bytes) -> None:
        manifest = parse_manifest.__wrapped__(data, FILE)
        text = f'{_rows(manifest, FILE, {})}{_document(manifest, FILE, {})}{manifest.external}'
        text.encode()  # and can be printed

    seeds = [good, yaml.safe_dump(more).encode()]
    fuzz(read, seeds, ManifestError, corpus=CORPUS, words=WORDS, damage=changed, keep=tmp_path)


def test_plain_yaml(tmp_path: Path) -> None:
    def read(data: bytes) -> None:
        str(load_yaml(data, FILE)).encode()

    fuzz(read, CORPUS, ManifestError, words=WORDS, keep=tmp_path)


def test_compositions(tmp_path: Path) -> None:
    file = tmp_path / 'composed.yaml'
    good = (ROOT / 'config/composed.yaml').read_bytes()

    def read(data: bytes) -> None:
        file.write_bytes(data)
        str(read_composition(file)).encode()

    fuzz(read, [good], SettingError, corpus=CORPUS, words=WORDS, damage=changed, keep=tmp_path)
