"""What was measured is there at the next start, and nothing depends on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_integration.store.state.measurements import Measurements


def test_numbers_are_known_at_once_and_after_a_restart(tmp_path: Path) -> None:
    told: list[str] = []
    folder = tmp_path / 'state/measured'
    first = Measurements(folder, told.append)
    first.put('load', 'digest', numbers={'peak_mb': 12.5})
    assert first.get('load', 'digest') == {'peak_mb': 12.5}
    assert Measurements(folder, told.append).get('load', 'digest') == {}
    first.write()
    again = Measurements(folder, told.append)
    assert again.get('load', 'digest') == {'peak_mb': 12.5}
    assert again.get('load', 'other') == again.get('pace', 'digest') == {}
    assert told == []


@pytest.mark.parametrize('content', [b'', b'rubbish', b'0' * 65 + b'{}'])
def test_a_damaged_entry_is_forgotten(content: bytes, tmp_path: Path) -> None:
    told: list[str] = []
    folder = tmp_path / 'state/measured'
    first = Measurements(folder, told.append)
    first.put('load', 'digest', numbers={'peak_mb': 12.5})
    first.write()
    (entry,) = folder.iterdir()
    entry.write_bytes(content)
    assert Measurements(folder, told.append).get('load', 'digest') == {}
    assert len(told) == 1


def test_without_a_folder_they_are_forgotten_with_the_process() -> None:
    measurements = Measurements()
    measurements.put('load', 'digest', numbers={'peak_mb': 1.0})
    measurements.write()
    assert measurements.get('load', 'digest') == {'peak_mb': 1.0}
    assert Measurements().get('load', 'digest') == {}
