"""Says which version of this package runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """Returns the version of this package."""
    try:
        return version('ml_integration')
    except PackageNotFoundError:  # run from a folder that nobody has installed
        return 'of unknown version'
