"""A backend that kills its process on purpose, as a faulty engine does by accident."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ml_integration
from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.datatypes import ModelContent
from ml_integration.core.execution import ExecutionSettings

NAME = 'aborting'


class Aborting(OnnxRuntime):
    """Aborts instead of opening a model."""

    def open(self, content: ModelContent, settings: ExecutionSettings, cache: Any = None) -> Any:
        os.abort()


def install(folder: Path) -> dict[str, str]:
    """Makes the backend known through `folder`; returns the environment that says so."""
    info = folder / 'aborting_backend-1.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: aborting_backend\nVersion: 1\n')
    (info / 'entry_points.txt').write_text(
        f'[ml_integration.backends]\n{NAME} = aborting_backend:{Aborting.__name__}\n'
    )
    (folder / 'aborting_backend.py').write_text(Path(__file__).read_text())
    paths = (ml_integration.__path__[0].removesuffix('/ml_integration'), str(folder))
    return {'PYTHONPATH': os.pathsep.join(paths)}
