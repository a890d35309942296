"""Figures are found wherever a node tells them, and missing where it does not."""

from __future__ import annotations

from node_statuses import detector, foreign

from ml_integration.core.findings import Level
from ml_integration.fleet.figures import Counts, figures
from ml_integration.fleet.status import Status


def test_those_of_our_nodes() -> None:
    found = figures(detector(level=Level.ERROR, received=200, dropped=50))
    assert (found.level, found.state, found.model, found.provider) == (
        Level.ERROR, 'active', 'shapes@2', 'CPU',
    )  # fmt: skip
    assert found.rate_hz == 9.5
    assert [times.stage for times in found.stages] == ['wait', 'decode', 'infer', 'my stage']
    assert (found.total.p50, found.total.p95, found.total.p99) == (20.0, 30.0, 40.0)
    assert found.age_ms == 42.0, 'the oldest one of two cameras'
    assert found.counts == Counts(200, 50, 7, 3)
    assert (found.cpu_percent, found.rss_mb) == (55.5, 210.0)


def test_those_of_others() -> None:
    found = figures(foreign())
    assert (found.level, found.rate_hz) == (Level.WARN, 12.3)
    assert found.stages == () and found.total.p50 is None
    assert found.counts.drop_ratio() is None


def test_what_is_not_known_yet_is_missing() -> None:
    idle = [Status(s.name, s.level, '', '', dict.fromkeys(s.values, '')) for s in detector()]
    found = figures(idle)
    assert found.rate_hz is None and found.age_ms is None and found.cpu_percent is None
    assert [times.p50 for times in found.stages] == [None] * 4
    assert found.counts == Counts()


def test_drops_are_a_share_of_what_came() -> None:
    before, after = Counts(100, 40), Counts(200, 50)
    assert after.drop_ratio() == 0.25
    assert after.drop_ratio(before) == 0.1
    assert after.drop_ratio(after) == 0.0, 'nothing came, and nothing was dropped'
