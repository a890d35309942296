"""`--json` of every verb that tells something: one document that programs can read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_integration.cli.main import main, verbs

Capture = pytest.CaptureFixture[str]
DOCUMENTS = {'dds-profile'}
"""Verbs whose output is a document of another kind."""


@pytest.mark.parametrize('verb', sorted(verbs().keys() - DOCUMENTS))
def test_every_verb_has_an_option_for_programs(verb: str) -> None:
    parser = argparse.ArgumentParser()
    verbs()[verb].add_arguments(parser)
    assert '--json' in parser.format_help()


@pytest.fixture
def told(
    model_folder: Callable[..., Path],
    store: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    """Runs a verb on a store with m@1 and m@2; returns what it tells."""
    for version in (1, 2):
        model_folder('m', version, golden=False)
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Any:
        capsys.readouterr()
        assert main([*arguments, '--json']) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_keys_signatures_and_copies_are_told(told: Callable[..., Any], tmp_path: Path) -> None:
    keys = told('keygen', 'signer')
    assert (keys['private'], keys['public']) == ('signer.private.pem', 'signer.public.pem')
    signed = told('sign', 'm@1', '--key', keys['private'])
    assert signed == {'model': 'm@1', 'release': signed['release'], 'signed_by': keys['key']}
    assert told('keygen', 'model', '--encryption') == {'secret': 'model.key'}
    copy = told('encrypt', 'm@2', 'copy', '--model-key', 'model.key')
    assert copy == {'model': 'm@2', 'directory': 'copy', 'encrypted': ['model.onnx']}


def test_what_was_barred_released_and_removed_is_told(
    told: Callable[..., Any], store: Path
) -> None:
    barred = told('quarantine', 'm@1', '--reason', 'odd')
    assert (barred['model'], barred['reason'], len(barred['digest'])) == ('m@1', 'odd', 64)
    released = told('release', 'm@1')
    assert released['model'] == 'm@1' and 'odd' in released['reason']
    removed = told('remove', 'm@1', '--store', str(store))
    assert removed == {'removed': 'm@1', 'store': str(store)}


def test_a_new_package_and_new_pins_are_told(
    told: Callable[..., Any], model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    made = told('new', 'object_detection', 'mine', '--into', 'packages')
    assert made == {'manifest': 'packages/mine/1/manifest.yaml'}
    folder = model_folder('own', 1, golden=False).rename(tmp_path / 'own')
    told('pin', str(folder))
    files = ['labels.txt', 'model.onnx']
    assert told('pin', str(folder)) == {'model': 'own@1', 'files': files, 'changed': False}
