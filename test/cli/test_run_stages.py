"""`ml_model run --stage`: what stages add stands beside each result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx_models
import pytest
from model_folders import write_model_folder

from ml_integration.cli.main import main

Capture = pytest.CaptureFixture[str]
COLORS = ('red', 'green', 'blue')


@pytest.fixture
def picture(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A red and a blue square for a detector, and a classifier that knows warm from cold."""
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    write_model_folder(store, 'finder')
    write_model_folder(
        store,
        'mood',
        model=onnx_models.classifier(),
        labels=('warm', 'fresh', 'cold'),
        task='classification',
        settings={'softmax': True},
        encode={'resize': 'stretch'},
    )
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[16:32, 16:32, 2] = 200
    pixels[48:, 48:, 0] = 200
    file = tmp_path / 'squares.png'
    cv2.imwrite(str(file), pixels)
    return file


def told(capture: Capture) -> list[Any]:
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


@pytest.fixture
def run(picture: Path) -> Callable[..., int]:
    def run(*more: str) -> int:
        return main(['run', 'finder', str(picture), *more])

    return run


CASCADE = ('--stage', 'cascade', '--param', 'cascade.model:=mood')


def test_what_a_second_model_says_stands_beside_each_object(
    run: Callable[..., int], capsys: Capture, store: Path
) -> None:
    assert run('--json', '--stage', 'tracking', *CASCADE) == 0
    line, summary = told(capsys)
    assert line['model'] == 'finder@1' and line['second_models'] == {'cascade': 'mood@1'}
    assert line['left_out'] == []
    best = {one['label']: one['second_labels'][0] for one in line['results']}
    assert best == {'red': 'warm', 'blue': 'cold'}
    assert all(one['track'] > 0 for one in line['results'])
    assert summary['summary']['second_models'] == {'cascade': 'mood@1'}
    assert summary['summary']['stages_ms']['cascade']['p50'] > 0
    folder = str(store / 'mood/1')
    assert run('--json', '--stage', 'cascade', '--param', f'cascade.model:={folder}') == 0


def test_rows_have_columns_of_the_stages(run: Callable[..., int], capsys: Capture) -> None:
    assert run('--csv', *CASCADE, '--param', 'cascade.only:=["red"]') == 0
    captured = capsys.readouterr()
    rows = {row['label']: row for row in csv.DictReader(io.StringIO(captured.out))}
    assert rows['red']['second_labels'] == 'warm fresh cold'
    assert rows['blue']['second_labels'] == ''
    assert 'cascade.model' in captured.err and 'mood@1' in captured.err


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (('--stage', 'cascad'), "'--stage' is not valid"),
        (('--param', 'cascade.model:=mood'), "'--param' is not valid"),
        (('--stage', 'cascade', '--param', 'model:=mood'), "'--param' is not valid"),
        (('--stage', 'cascade'), "'cascade.model' is not valid"),
        ((*CASCADE, '--param', 'cascade.padding:=much'), "'padding' is not valid"),
        ((*CASCADE, '--param', 'cascade.paddin:=1'), "Did you mean 'padding'?"),
        (('--stage', 'cascade', '--param', 'cascade.model:=moot'), "cannot have the model 'moot'"),
    ],
)
def test_stages_that_cannot_be_had_are_refused(
    run: Callable[..., int], capsys: Capture, arguments: tuple[str, ...], sentence: str
) -> None:
    assert run(*arguments) != 0
    assert sentence in capsys.readouterr().err
