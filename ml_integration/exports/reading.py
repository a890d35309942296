"""Reads what an export says about its model, in all formats that we know."""

from __future__ import annotations

from ml_integration.core import plugins
from ml_integration.exports.claims import Claims
from ml_integration.exports.export import Export
from ml_integration.exports.formats import PLUGINS, ExportFormat


def claims_of(export: Export) -> Claims:
    """Returns what all formats read, that of the lowest rank first."""
    formats: list[ExportFormat] = [
        plugins.load(PLUGINS, name)() for name in plugins.names(PLUGINS)
    ]
    claims = Claims()
    for one in sorted(formats, key=lambda one: one.rank):
        claims = claims.then(one.read(export))
    return claims
