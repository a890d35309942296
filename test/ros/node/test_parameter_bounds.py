"""Values that no sensible person means are refused."""

from __future__ import annotations

import pytest

from ml_integration.core.declaration import build
from ml_integration.errors import SettingError
from ml_integration.ros.node.parameters import InferenceNodeParameters


@pytest.mark.parametrize('period_s', [1e300, 1e-9, -1.0, float('nan'), float('inf'), 86401.0])
def test_senseless_periods_are_refused(period_s: float) -> None:
    with pytest.raises(SettingError, match=r'expected float 0, or >= 0\.1 and <= 86400'):
        build(InferenceNodeParameters, {'reverify_period_s': period_s}, '/detector')


@pytest.mark.parametrize('period_s', [0.0, 0.1, 60.0, 86400.0])
def test_sensible_periods_are_taken(period_s: float) -> None:
    taken = build(InferenceNodeParameters, {'reverify_period_s': period_s}, '/detector')
    assert taken.reverify_period_s == period_s
