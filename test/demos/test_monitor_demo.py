"""The monitor demo as people start it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ros_processes import Process

Start = Callable[..., Process]
MODULE = 'ml_integration.demos.monitor_demo'


@pytest.mark.timeout(240)
def test_darkness_is_told_by_everybody_who_watches_and_is_in_the_report(
    spawn: Start, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    process = spawn('-m', MODULE, '--rate', '5', '--calm', '1', '--out', str(out))
    assert process.wait(200.0) == 0, process.log
    told = process.log.partition('said by')[2]
    assert {line.split()[0] for line in told.splitlines() if ' s  ' in line} == {
        'content', 'accuracy', 'drift', 'performance_monitor',
    }, told  # fmt: skip
    page = (out / 'demo_monitor.html').read_text()
    assert 'mAP50' in page
    assert 'brightness' in page
    assert 'detector WARN for' in process.log
