"""Puts a reference into a package, whose manifest pins it from then on."""

from __future__ import annotations

import os
from pathlib import Path

from ml_integration.core.drift_reference import Reference
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, parse_manifest
from ml_integration.store.package.package import open_package, package_of
from ml_integration.store.package.reference_file import REFERENCE, packed_reference
from ml_integration.store.package.repinning import contents_of, repinned, with_role
from ml_integration.store.state.durable import write_durably


def add_reference(folder: Path, reference: Reference) -> bool:
    """Writes a reference, in place of the one that is there, and the manifest that pins it.

    Args:
        folder: of the package.
        reference: what is usual for its model.

    Returns:
        Whether there is a signature, which does not vouch for the package any more.

    Raises:
        MlIntegrationError: the package is not a valid one, or would not be.
    """
    file = folder / MANIFEST
    package = open_package(folder)
    name = package.manifest.reference or REFERENCE
    contents = {**contents_of(folder), name: packed_reference(reference)}
    data = repinned(
        with_role(package.data, 'reference', name, file), dict(sorted(contents.items())), file
    )
    if not parse_manifest(data, file).encrypted:
        package_of({**contents, MANIFEST: data}, folder)
    write_durably(folder / name, contents[name])
    write_durably(file, data)
    return os.path.lexists(folder / SIGNATURE)
