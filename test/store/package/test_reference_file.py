"""A reference in a package: the same after a round trip, and never believed unchecked."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_integration.core.blocks import BlockRule
from ml_integration.core.drift_reference import Limits, Reference
from ml_integration.core.score_calibration import ScoreCalibration
from ml_integration.errors import ManifestError
from ml_integration.store.package.reference_file import (
    LARGEST,
    MOST_SIGNALS,
    packed_reference,
    parse_reference,
)

FILE = Path('reference.npz')


def reference() -> Reference:
    limits = Limits(
        np.array([1.0, 2.0]), np.array([0.1, 0.2]), np.ones((3, 2)), np.full((3, 2), 0.5),
        np.full((3, 2), 0.1), 1e-3, 5, 33.0,
    )  # fmt: skip
    blocks = np.array([[1, 2], [np.nan, 3]], np.float32)
    return Reference(
        'm@1', 'a' * 64, ('brightness', 'count'), blocks, BlockRule(1.0, 7), limits, 'd', '1.0'
    )


def changed(**arrays: Any) -> bytes:
    with np.load(io.BytesIO(packed_reference(reference()))) as file:
        there = dict(file)
    there.update(arrays)
    stream = io.BytesIO()
    np.savez(stream, **{name: one for name, one in there.items() if one is not None})
    return stream.getvalue()


def test_a_reference_is_the_same_when_it_is_read_again() -> None:
    known = reference()
    read = parse_reference(packed_reference(known), FILE)
    assert packed_reference(read) == packed_reference(known)
    assert (read.names, read.rule, str(read)) == (known.names, known.rule, str(known))
    assert (read.limits.allowed(1.0) == known.limits.allowed(1.0)).all()


def test_a_calibration_is_kept_too() -> None:
    known = replace(reference(), calibration=ScoreCalibration(1.8, 0.01, 0.09, 0.87, 900))
    read = parse_reference(packed_reference(known), FILE)
    assert read.calibration == known.calibration
    assert packed_reference(read) == packed_reference(known)


class Evil:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ('a pickle was opened',))


HOSTILE = {
    'missing': {'center': None},
    'unknown': {'more': np.zeros(3)},
    'half a calibration': {'temperature': np.float64(2)},
    'no temperature': {
        **dict.fromkeys(('error', 'raw_error', 'accuracy', 'pictures'), np.float64(1)),
        'temperature': np.float64(0),
    },
    'a pickle': {'names': np.array([Evil(), Evil()], object)},
    'infinite limits': {'center': np.array([np.inf, 0.0])},
    'no scale': {'scale': np.zeros(2)},
    'negative steps': {'step': np.full((3, 2), -1.0)},
    'an odd shape': {'shape': np.full((3, 2), 7.0)},
    'other sizes': {'level': np.ones((3, 3))},
    'other types': {'blocks': np.zeros((5, 2))},
    'infinite blocks': {'blocks': np.full((5, 2), np.inf, np.float32)},
    'no blocks': {'blocks': np.zeros((0, 2), np.float32)},
    'a name twice': {'names': np.array(['a', 'a'])},
    'a name that steers a terminal': {'names': np.array(['a', '\x1b[2J'])},
    'a long name': {'names': np.array(['a', 'b' * 500])},
    'many names': {
        'names': np.array([f'n{n}' for n in range(MOST_SIGNALS + 1)]),
        'blocks': np.zeros((5, MOST_SIGNALS + 1), np.float32),
    },
    'no row': {'in_a_row': np.float64(0)},
    'not a number': {'per_block': np.float64(np.nan)},
    'a text that is no text': {'model': np.zeros(2)},
    'two lines': {'made_by': np.array('1\n2')},
}


@pytest.mark.parametrize('arrays', HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_reference_is_refused_with_a_sentence(arrays: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match='reference'):
        parse_reference(changed(**arrays), FILE)


@pytest.mark.parametrize('data', [b'', b'PK', pickle.dumps(1), bytes(LARGEST + 1)])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError, match='reference'):
        parse_reference(data, FILE)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread() -> None:
    with pytest.raises(ManifestError, match='elements'):
        parse_reference(changed(center=np.zeros(10**6)), FILE)
