from __future__ import annotations

from pathlib import Path

import pytest

from ml_integration.errors import ManifestError
from ml_integration.store.package.plain_yaml import LARGEST, load_yaml

FILE = Path('manifest.yaml')


def test_what_people_write_is_read() -> None:
    data = b'# comment\na: {b: [1, 2.5, null, true], c: "text \\xe9\\n"}\nd: |\n  lines\n  more\n'
    expected = {'a': {'b': [1, 2.5, None, True], 'c': 'text \xe9\n'}, 'd': 'lines\nmore\n'}
    assert load_yaml(data, FILE) == expected


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (b'a: !!bool maybe', 'tags'),
        (b'a: !!int ""', 'tags'),
        (b'a: !!timestamp x', 'tags'),
        (b'a: !!python/object/apply:os.system [id]', 'tags'),
        (b'a: ! x', 'tags'),
        (b'!!omap [a: 1]', 'tags'),
        (b'a: &x 1', 'anchors'),
        (b'a: &x [1]\nb: *x', 'anchors'),
        (b'a: *x', 'aliases'),
        (b'<<: {a: 1}\nb: 2', 'merge keys'),
        (b'a: 1\na: 2', 'given twice'),
        (b'{[1]: 2}', 'a key is not text'),
        (b'[' * 100_000, 'nested more than'),
        (b'{a: ' * 900, 'nested more than'),
        (b'- ' * 300_000, 'nested more than'),
        (b'\n'.join(b' ' * depth + b'a:' for depth in range(600)), 'nested more than'),
        (b'a: [' + b'1,' * 400_000 + b'1]', 'values'),
        (b'{' + b'a,' * 300_000 + b'}', 'values'),
        (b'a: ' + b'1' * 5000, 'a number of 5000 characters'),
        (b'a: 0x' + b'f' * 100_000, 'a number of 100002 characters'),
        (b'a: ' + b':'.join([b'1'] * 20_000), 'a number of'),
        (b'a: "\\e[2J"', 'unprintable character'),
        (b'a: "\\0"', 'unprintable character'),
        (b'a: "\\uD800"', 'unprintable character'),
        (b'"\\uD800": 1', 'unprintable'),
        (b'#' * (LARGEST - 10), 'bytes of comments'),
        (b'#\n' * 100_000, 'lines'),
        (b'a: ' + b'x' * LARGEST, 'bytes'),
        (b'a: 2020-99-99', 'month must be'),
        (b'a: \xff', 'plain YAML'),
        (b'--- 1\n--- 2', 'another document'),
    ],
)
def test_what_is_not_plain_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        load_yaml(data, FILE)


def test_a_number_that_cannot_be_printed_has_a_sentence() -> None:
    assert 'int that cannot be printed' in str(ManifestError(FILE, 'a', 1 << 20_000, 'less'))
