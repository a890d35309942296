"""What the settings of every task and every encoder have to keep to."""

from __future__ import annotations

import dataclasses
import re

import pytest

from ml_integration.core import plugins
from ml_integration.core.declaration import build, settings_of
from ml_integration.errors import SettingError

EVERY = [(room, name) for room in ('encoders', 'tasks') for name in plugins.names(room)]


@pytest.mark.parametrize(('room', 'name'), EVERY)
def test_settings_are_frozen_and_declared_and_have_defaults(room: str, name: str) -> None:
    settings_type = plugins.load(room, name).Settings
    settings = settings_of(settings_type)
    needed = {one.name: one.rule.choices[0] for one in settings if one.rule.required}
    chosen = build(settings_type, needed, 'test')
    assert chosen == settings_type(**needed)
    assert all(setting.rule.text.endswith('.') for setting in settings)
    assert all(one.rule.allows(one.default) for one in settings if not one.rule.required)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(chosen, dataclasses.fields(chosen)[0].name, None)


@pytest.mark.parametrize(('room', 'name'), EVERY)
def test_a_misspelled_setting_is_refused(room: str, name: str) -> None:
    settings_type = plugins.load(room, name).Settings
    for setting in settings_of(settings_type):
        with pytest.raises(SettingError, match=f"Did you mean '{re.escape(setting.name)}'"):
            build(settings_type, {f'{setting.name}x': setting.default}, 'test')
