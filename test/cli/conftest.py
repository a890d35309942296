from __future__ import annotations

import tempfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of all verbs; the user's own folders are out of reach."""
    folder = tmp_path / 'state'
    monkeypatch.setenv('ML_INTEGRATION_STATE_DIR', str(folder))
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path / 'data'))
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    for name in ('ML_INTEGRATION_STORES', 'ML_INTEGRATION_MODEL_KEY'):
        monkeypatch.delenv(name, raising=False)
    return folder
