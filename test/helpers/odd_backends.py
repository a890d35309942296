"""Engines that misbehave on purpose; `register` makes them known to a process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import ml_integration
from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.datatypes import ModelContent
from ml_integration.core.execution import ExecutionSettings

ABORTING, WAITING, HOLDING = 'aborting', 'waiting', 'holding'
GATE = 'ODD_BACKENDS_GATE'


class Aborting(OnnxRuntime):
    """Kills its process instead of opening a model, as a faulty engine does by accident."""

    def open(self, *arguments: Any) -> Any:
        os.abort()


class Waiting(OnnxRuntime):
    """Takes as long to open a model as the file that the environment names exists."""

    def open(self, content: ModelContent, settings: ExecutionSettings, *more: Any) -> Any:
        wait_for_the_gate()
        return super().open(content, settings, *more)


class Holding(OnnxRuntime):
    """Takes as long to run a model as that file exists."""

    def open(self, *arguments: Any) -> Any:
        return _HeldSession(super().open(*arguments))


class _HeldSession:
    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def share(self) -> Any:
        return _HeldSession(self._session.share())

    def run(self, *arguments: Any) -> Any:
        wait_for_the_gate()
        return self._session.run(*arguments)


def wait_for_the_gate() -> None:
    while Path(os.environ[GATE]).exists():
        time.sleep(0.005)


def register(folder: Path) -> dict[str, str]:
    """Makes the engines known through `folder`; returns the environment that says so."""
    info = folder / 'odd_backends-1.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: odd_backends\nVersion: 1\n')
    (info / 'entry_points.txt').write_text(
        '[ml_integration.backends]\n'
        f'{ABORTING} = odd_backends:{Aborting.__name__}\n'
        f'{WAITING} = odd_backends:{Waiting.__name__}\n'
        f'{HOLDING} = odd_backends:{Holding.__name__}\n'
    )
    root = Path(ml_integration.__file__).parents[1]
    paths = (str(root), str(folder), str(Path(__file__).parent))
    return {'PYTHONPATH': os.pathsep.join(paths), GATE: str(folder / 'gate')}
