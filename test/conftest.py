"""Fixtures for all tests; the builders in helpers/ can be imported by name."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import pytest

# --import-mode=importlib adds nothing itself.
sys.path.insert(0, str(Path(__file__).parent / 'helpers'))

from model_folders import write_model_folder

# A second for each model that is loaded for the first time: only tests that are about it need it.
os.environ.setdefault('ML_INTEGRATION_CALIBRATE', '0')

# What a shell starts in the background ignores interrupts, and so do its children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = ('docs', 'demos', 'ros', 'launch', 'cli')
"""Rooms whose files take long, as they start processes."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Puts long files first: with one at the end a single worker would be left."""
    yield
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty model store."""
    folder = tmp_path / 'store'
    folder.mkdir()
    return folder


@pytest.fixture
def model_folder(store: Path) -> Callable[..., Path]:
    """Writes a valid model package into `store`; arguments as of `write_model_folder`."""
    return partial(write_model_folder, store)
