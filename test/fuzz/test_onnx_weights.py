"""Models that are damaged at random hide no weights that an engine or the onnx package finds.

Each case is a model with external weights, of which some fields are written otherwise than any
exporter would. ML_INTEGRATION_FUZZ_SECONDS says how long each base model is damaged,
ML_INTEGRATION_FUZZ_SEED in which way.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import bare_engine
import onnx
import pytest
from hidden_weights import WEIGHTS, hidden, references

from ml_integration.backends.onnx_runtime.weights import check_weights
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.errors import ModelLoadError
from ml_integration.ops.protobuf import DELIMITED, VARINT, fields, varint

SEED = os.environ.get('ML_INTEGRATION_FUZZ_SEED', '0')
SECONDS = float(os.environ.get('ML_INTEGRATION_FUZZ_SECONDS', '1'))
PLACES = ('initializer', 'constant', 'branch', 'function', 'sparse')
MOST_CASES = 2000
"""In a second; the same seed gives the same ones."""


def number(value: int, more: int = 0) -> bytes:
    """A varint, in some bytes more than it needs."""
    groups = []
    while True:
        groups.append(value & 0x7F)
        value >>= 7
        if not value:
            break
    groups.extend([0] * more)
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def written_otherwise(data: bytes, dice: random.Random, depth: int = 0) -> bytes:
    """The same message with about every seventh field written in another way."""
    try:
        found = list(fields(data, 0, len(data)))
    except ValueError:
        return data
    parts = []
    for field, wire_type, begin, end in found:
        content = data[begin:end]
        if wire_type == DELIMITED and depth < 12:
            content = written_otherwise(content, dice, depth + 1)
        parts.extend(one_field(field, wire_type, content, dice))
    if dice.random() < 0.05:
        dice.shuffle(parts)
    return b''.join(parts)


def one_field(field: int, wire_type: int, content: bytes, dice: random.Random) -> list[bytes]:
    tag = number(field << 3 | wire_type)
    whole = tag + (number(len(content)) if wire_type == DELIMITED else b'') + content
    act = dice.randrange(60)
    if act == 0:
        return []
    if act == 1:
        return [whole, whole]
    if act == 2 and wire_type == DELIMITED:  # in two parts, which a parser merges
        ends = [after for _, _, _, after in parts_of(content)]
        middle = dice.choice(ends) if ends else len(content) // 2
        pieces = content[:middle], content[middle:]
        return [tag + number(len(piece)) + piece for piece in pieces]
    if act == 3:  # too many bytes for a tag or a size from five on
        more = number(field << 3 | wire_type, dice.randrange(9))
        size = number(len(content), dice.randrange(9)) if wire_type == DELIMITED else b''
        return [more + size + content]
    if act == 4:  # a tag of more than 32 bits
        return [number((field | 1 << 29) << 3 | wire_type) + whole[len(tag) :]]
    if act == 5 and wire_type == VARINT:
        value, _ = varint(content, 0, len(content))
        return [tag + number(value + dice.choice((1, -value, 1 << 32, 1 << 63)))]
    if act == 6:  # groups, and what is nothing
        return [whole, number(dice.choice((3, 4, 6, 7)) | field << 3)]
    if act == 7:  # the content in another field
        return [
            whole,
            number(dice.randrange(1, 200) << 3 | DELIMITED) + number(len(content)) + content,
        ]
    if act == 8:  # data_location
        return [whole, number(14 << 3) + number(dice.choice((0, 1, 2, 1 + (1 << 32))))]
    return [whole]


def parts_of(content: bytes) -> list[tuple[int, int, int, int]]:
    try:
        return list(fields(content, 0, len(content)))
    except ValueError:
        return []


def damaged(model: bytes, dice: random.Random) -> bytes:
    data = written_otherwise(model, dice)
    if dice.random() < 0.3:
        changed = bytearray(data)
        for _ in range(dice.randrange(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        data = bytes(changed)
    return data[: dice.randrange(len(data))] if dice.random() < 0.02 else data


def accepted(data: bytes, files: Mapping[str, bytes]) -> bool:
    try:
        check_weights(ModelContent(ModelIdentity('m', 1), data, files), from_memory=True)
    except ModelLoadError:
        return False
    return True


def seen_by_the_onnx_package(data: bytes) -> set[str | bytes]:
    try:
        return set(references(onnx.load_from_string(data)))
    except Exception:  # of protobuf, which nothing here imports
        return set()


@pytest.mark.parametrize('place', PLACES)
def test_no_way_of_writing_a_model_hides_its_weights(place: str, tmp_path: Path) -> None:
    (tmp_path / 'weights.bin').write_bytes(WEIGHTS.tobytes())
    dice, model = random.Random(f'{SEED} {place}'), hidden(place)
    until, passed = monotonic() + SECONDS, [hidden('branch')]
    for _ in range(int(MOST_CASES * SECONDS)):
        if monotonic() > until:
            break
        data = damaged(model, dice)
        seen = seen_by_the_onnx_package(data)
        if accepted(data, {}):
            passed.append(data)
            assert not seen, data.hex()
        elif accepted(data, {'weights.bin': WEIGHTS.tobytes()}):
            assert seen <= {'weights.bin'}, data.hex()
    known, *rest = bare_engine.outcomes(passed, tmp_path)
    assert known == bare_engine.READ  # the first one, which nobody would let through
    assert bare_engine.READ not in rest, passed[1 + rest.index(bare_engine.READ)].hex()
