"""An export as it came: the model file and what lies beside it, read with bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ml_integration.core.datatypes import TensorSpec


@dataclass(frozen=True, slots=True)
class Export:
    """Export of a model, in memory.

    Attributes:
        label: the file, folder or archive that it came from, for sentences.
        model: name of the model file, relative to the export's root, with '/' between folders.
        files: small files beside it (configurations, labels) by such a name; each at most
            `LARGEST_SIDECAR` bytes.
        metadata: the model file's own entries (`metadata_props`), unchecked.
        inputs: tensors that the model takes.
        outputs: tensors that it gives.
    """

    label: str
    model: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()

    def nearest(self, pattern: str) -> str | None:
        """Returns the name of the file that matches a pattern in the model's folder or above it.

        What lies in other folders of an export may be about something else.
        """
        for folder in PurePosixPath(self.model).parents:
            for name in sorted(self.files):
                path = PurePosixPath(name)
                if path.parent == folder and fnmatchcase(path.name.lower(), pattern):
                    return name
        return None


LARGEST_SIDECAR = 2**22
"""Largest file beside a model that is read as text about it [bytes]."""
