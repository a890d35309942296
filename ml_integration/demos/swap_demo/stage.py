"""The store that the swap demo plays with: a copy, so that files can be spoiled."""

from __future__ import annotations

import shutil
from pathlib import Path

from ml_integration.errors import MlIntegrationError
from ml_integration.store.state.places import default_stores

NAME = 'shapes'


def make_store(folder: Path) -> Path:
    """Copies the two versions of the model into a store of the demo's own.

    Raises:
        MlIntegrationError: they are not where models come from.
    """
    for version in ('1', '2'):
        shutil.copytree(source_of(NAME) / version, folder / NAME / version)
    return folder


def source_of(model: str) -> Path:
    """Finds the folder with the versions of a model.

    Raises:
        MlIntegrationError: no store has it.
    """
    source = next((store / model for store in default_stores() if (store / model).is_dir()), None)
    if source is None:
        raise MlIntegrationError(f"there is no model '{model}'", hint='Set ML_INTEGRATION_STORES.')
    return source


def add_tampered_version(store: Path) -> Path:
    """Adds version 3, which says to be a release of version 2 but has one bit flipped.

    Returns:
        The tampered file.
    """
    folder = store / NAME / '3'
    shutil.copytree(store / NAME / '2', folder)
    manifest, model = folder / 'manifest.yaml', folder / 'model.onnx'
    manifest.write_text(manifest.read_text().replace('\nversion: 2\n', '\nversion: 3\n'))
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    return model
