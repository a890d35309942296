"""Errors print as one sentence that a person would write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ml_integration
from ml_integration.errors import ManifestError, PluginError, SettingError

PACKAGE = Path(ml_integration.__file__).parent
FILE = Path('m/manifest.yaml')


@pytest.mark.parametrize(
    ('error', 'sentence'),
    [
        (
            SettingError('rate', -1, '>= 0', where='/eye', hint='Hertz.'),
            "/eye: 'rate' is not valid; got -1; expected >= 0. Hertz.",
        ),
        (
            SettingError('rate', None, 'a number', where='/eye'),
            "/eye: 'rate' has no value; expected a number",
        ),
        (
            ManifestError(FILE, 'labels', '', '', what='line 3 is empty'),
            'm/manifest.yaml: line 3 is empty',
        ),
        (
            PluginError('tasks', 'x', ['a', 'b']),
            "ml_integration.tasks: there is no 'x'; expected one of a, b. Add "
            'ml_integration/tasks/x.py or an entry point in the group ml_integration.tasks.',
        ),
    ],
)
def test_an_error_is_one_sentence(error: Exception, sentence: str) -> None:
    assert str(error) == sentence


def test_no_error_is_about_a_key_that_is_no_key() -> None:
    """A file that is missing is not a value of the key 'the file' that is not valid."""
    raised = re.compile(r"(?:Setting|Manifest)Error\([^)]*?'the (?:file|path|folder)'")
    found = [file for file in PACKAGE.rglob('*.py') if raised.search(file.read_text())]
    assert found == []
