"""Keys come one by one, however many were pressed in between."""

from __future__ import annotations

import os

import pytest

from ml_integration.ros.monitoring.keyboard import Keyboard


def test_none_of_several_keys_is_lost() -> None:
    reading, writing = os.pipe()
    os.write(writing, b'\x1b[Aj\x1b[1;5C\x1bOB\x1bq')
    keys = Keyboard(reading)
    assert [keys.pressed(0.0) for _ in range(7)] == [
        'up', 'j', '\x1b[1;5C', 'down', '\x1b', 'q', '',
    ]  # fmt: skip
    os.close(writing)
    with pytest.raises(EOFError):
        keys.pressed(0.0)
    os.close(reading)


def test_without_a_terminal_there_are_none() -> None:
    assert Keyboard(None).pressed(0.0) == ''
