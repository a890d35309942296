"""`ml_model dds-profile` prints a profile that can be redirected into a file."""

from __future__ import annotations

import pytest

from ml_integration.cli.main import main
from ml_integration.ops.dds_profile import dds_profile


def test_it_prints_the_profile_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['dds-profile', '--largest', '3840x2160']) == 0
    assert capsys.readouterr().out == dds_profile(3840 * 2160 * 3)


def test_the_encoding_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['dds-profile', '--largest', '3840x2160', '--encoding', 'rgba16']) == 0
    assert capsys.readouterr().out == dds_profile(3840 * 2160 * 8)


@pytest.mark.parametrize('size', ['4K', '100000x100000'])
def test_what_is_no_size_is_one_sentence(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['dds-profile', '--largest', size]) == 1
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.startswith("ml_model: dds-profile: 'largest' is not valid")
