"""What is open to everybody is told once, and shown for as long as it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ros_processes import WAIT_S, wait_until

from ml_integration.deploy import exposure_watch
from ml_integration.deploy.exposure_watch import ExposureWatch
from ml_integration.store.trust.exposure import Exposure, Places


@contextmanager
def watching(places: Places) -> Iterator[tuple[ExposureWatch, list[Exposure]]]:
    told: list[Exposure] = []
    watch = ExposureWatch(places, told.append)
    try:
        yield watch, told
    finally:
        watch.stop()


def test_a_finding_is_told_once_and_goes_when_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposure_watch, 'PERIOD_S', 0.01)
    state = tmp_path / 'state'
    state.mkdir()
    with watching(Places((), state)) as (watch, told):
        state.chmod(0o777)
        wait_until(lambda: watch.found, 'a finding', WAIT_S)
        state.chmod(0o700)
        wait_until(lambda: not watch.found, 'no finding', WAIT_S)
        assert len(told) == 1


def test_a_loop_of_links_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposure_watch, 'PERIOD_S', 0.01)
    place = tmp_path / 'loop'
    place.symlink_to('loop')
    with watching(Places((), place)) as (watch, _):
        place.unlink()
        place.mkdir()
        place.chmod(0o777)
        wait_until(lambda: watch.found, 'a finding', WAIT_S)
    assert not any(thread.name == 'ml_exposure' for thread in threading.enumerate())
