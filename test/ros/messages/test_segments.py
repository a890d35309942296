"""How much shared memory a process has for its messages."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml_integration.ros.messages import segments

OWN = os.getpid() & 0xFFFF


def segment(folder: Path, digit: str, size: int) -> Path:
    name = f'fastrtps_{digit * 16}'
    (folder / name).write_bytes(bytes(size))
    (folder / f'{name}_el').touch()
    return folder / f'{name}_el'


def test_it_is_the_largest_of_those_that_the_process_keeps_locked(tmp_path: Path) -> None:
    segment(tmp_path, '1', 999)  # of another process
    with segment(tmp_path, '2', 50).open() as small, segment(tmp_path, '3', 100).open() as large:
        for file in (small, large):
            fcntl.flock(file, fcntl.LOCK_EX)
        assert segments.segment_of(OWN, folder=tmp_path) == 100
        assert segments.segment_of(OWN ^ 1, folder=tmp_path) == 0
    assert segments.segment_of(OWN, folder=tmp_path) == 0


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    odd = tmp_path / 'locks'
    odd.write_text('1: FLOCK  ADVISORY  WRITE x y 0 EOF\n')
    assert segments.segment_of(OWN, odd, tmp_path) == 0
    assert segments.segment_of(OWN, tmp_path / 'missing', tmp_path) == 0
    assert segments.segment_of(OWN, folder=tmp_path / 'missing') == 0


def test_of_several_publishers_it_is_the_smallest_and_all_have_to_be_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {1: 16, 2: 64}
    monkeypatch.setattr(segments, 'segment_of', lambda low_bits: known.get(low_bits, 0))
    segments._segment_of.cache_clear()

    def publishers(*processes: int) -> list[SimpleNamespace]:
        begin = [1, 15, 9, 9]
        return [SimpleNamespace(endpoint_gid=[*begin, one, 0, *[7] * 10]) for one in processes]

    assert segments.smallest_segment(publishers(1, 2)) == 16
    assert segments.smallest_segment(publishers(2)) == 64
    assert segments.smallest_segment(publishers(2, 3)) == segments.smallest_segment([]) == 0
    segments._segment_of.cache_clear()
