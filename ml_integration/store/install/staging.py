"""A folder beside the models where a version is built, or taken apart, unseen by readers."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ml_integration.store.state.durable import cannot, hold, make_folder, sync_folder

_PREFIX = '.staging-'


@contextmanager
def staging(store: Path) -> Iterator[Path]:
    """Makes a folder on the file system of a store; it is gone afterwards, whatever happens.

    Its maker holds a lock on it, which ends with the process: what a killed process left is
    removed by the next one.

    Raises:
        StateError: the store cannot be written.
    """
    try:
        make_folder(store)
        _remove_abandoned(store)
        folder, descriptor = _make(store)
    except OSError as error:
        raise cannot('be written', store, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Makes the names in a folder and in the folders below it survive a power cut."""
    for where, _, _ in os.walk(folder):
        sync_folder(Path(where))


def _make(store: Path) -> tuple[Path, int]:
    while True:
        folder = store / f'{_PREFIX}{secrets.token_hex(4)}'
        folder.mkdir()
        with suppress(FileNotFoundError):  # somebody who tidies up may have been faster
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if hold(descriptor) and folder.is_dir():
                return folder, descriptor
            os.close(descriptor)


def _remove_abandoned(store: Path) -> None:
    for folder in store.glob(f'{_PREFIX}*'):
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                if hold(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
