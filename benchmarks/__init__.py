"""Measurements: of the package, and of what everybody writes first."""

# Keeps engines that these programs import themselves from calling home.
import ml_integration  # noqa: F401
