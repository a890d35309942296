"""Finds what lies in the folder of a version, whether it may be used or not."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml_integration.errors import SettingError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.places import default_stores


def parts_of(model: str) -> tuple[str, int]:
    """Returns name and version of a model.

    Raises:
        SettingError: it is not `name@3`.
    """
    name, _, version = model.partition('@')
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise SettingError('model', model, 'a version, name@3', where='the command line')
    return name, int(version)


def content_of(args: argparse.Namespace) -> tuple[Path, Manifest]:
    """Returns folder and manifest of the version `args.model`, also of a quarantined one.

    Raises:
        SettingError: it is not `name@3`.
        ModelNotFoundError: no store holds it.
        ManifestError: its manifest cannot be read.
    """
    parts_of(args.model)
    folder = ModelStore(args.store or default_stores()).find(args.model)
    return folder, read_manifest(folder)
