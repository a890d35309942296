"""Exports of other people's tools, added as a person adds them, and what these tools see."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ml_integration.cli.add import OPEN_QUESTIONS
from ml_integration.cli.main import main
from ml_integration.deploy.loading import Loader
from ml_integration.exports.trying.sample_pictures import Picture
from ml_integration.exports.trying.trial import try_on
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

PYTHON = os.environ.get('EXPORTERS_PYTHON', '')
BOX_PX = 0.5
SCORE = 1e-3
THRESHOLD = 0.25
"""Smallest score of the objects that a model gives if nobody says another one."""
NEEDED = [
    pytest.mark.models,
    pytest.mark.timeout(300),  # the first one waits until all exports are made
    pytest.mark.skipif(not PYTHON, reason="needs exporters' libraries: make test-models"),
]


@dataclass(frozen=True)
class Exports:
    pictures: Path
    folder: Path

    def said(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self.folder / f'{name}.json').read_text())
        return said


def add(exports: Exports, place: Path, name: str, *more: str) -> int:
    arguments = ['--into', str(place / 'store'), '--picture', str(place / 'seen.jpg'), *more]
    return main(['add', str(exports.folder / name), '--name', name, '--json', *arguments])


def ask_and_add(
    exports: Exports, place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Adds a model with the answers that a person gives, once it was asked for them."""
    assert add(exports, place, name) == OPEN_QUESTIONS
    assert not (place / 'store').exists()
    said = exports.said(name)
    questions = json.loads(capsys.readouterr().out)['open']
    assert [one['key'] for one in questions] == said['asked']
    assert add(exports, place, name, *said['arguments']) == 0


def seen(
    exports: Exports, place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> dict[str, list[dict[str, Any]]]:
    """Runs an added model; returns its results by picture."""
    capsys.readouterr()
    assert main(['run', name, str(exports.pictures), '--out', str(place / 'out')]) == 0
    lines = (place / 'out' / 'results.jsonl').read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return {row['source']: row['results'] for row in rows}


def results_of(
    exports: Exports, place: Path, name: str
) -> Iterator[tuple[str, Any, list[dict[str, Any]]]]:
    """Yields results of an added model on each picture, with those of its exporter."""
    pipeline = Loader().load(read_package(place / 'store' / name / '1', Trust('off')))
    for picture, expected in exports.said(name)['pictures'].items():
        pixels = cv2.imread(str(exports.pictures / picture))
        result = try_on(pipeline, [Picture(picture, pixels)]).attempts[0].prediction.result
        yield picture, result, expected
    pipeline.close()


def assert_same_objects(
    exports: Exports, name: str, found: dict[str, list[dict[str, Any]]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Checks labels, scores and boxes; returns each result with that of the exporter."""
    said, pairs = exports.said(name), []
    assert found.keys() == said['pictures'].keys()
    for picture, expected in said['pictures'].items():
        size = cv2.imread(str(exports.pictures / picture)).shape[:2]
        open_ = [one for one in map(partial(clipped, size=size), expected) if has_area(one)]
        for one in found[picture]:
            same = next((other for other in open_ if alike(one, other)), None)
            assert same is not None, f'{picture}: {one} is none of {open_}'
            open_.remove(same)
            pairs.append((one, same))
        missed = [one for one in open_ if one['score'] > THRESHOLD + SCORE]
        assert not missed, f'{picture}: {missed}'
    assert_tell_apart(said)
    return pairs


def clipped(one: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Returns a result with its box cut at the edges of the picture, as it is published."""
    height, width = size
    low, high = (0, 0, 0, 0), (width, height, width, height)
    return {**one, 'box': [*np.clip(one['box'], low, high)]}


def has_area(one: dict[str, Any]) -> bool:
    left, top, right, bottom = one['box']
    return bool(right > left and bottom > top)


def alike(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    box = [found[side] for side in ('left', 'top', 'right', 'bottom')]
    return (
        found['label'] == expected['label']
        and abs(found['score'] - expected['score']) <= SCORE
        and bool(np.allclose(box, expected['box'], rtol=0, atol=BOX_PX))
    )


def assert_tell_apart(said: dict[str, Any]) -> None:
    """Checks that a comparison can fail: many of the expected results are unlike."""
    scores = [one['score'] for picture in said['pictures'].values() for one in picture]
    assert len({round(score, 2) for score in scores}) > 5
