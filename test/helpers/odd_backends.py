"""An engine that misbehaves on purpose with some models; `register` makes it known to a process.

`spoil` marks a model by a file beside it, which the engine finds among the external weights.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_integration
from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.datatypes import ModelContent
from ml_integration.core.execution import ExecutionSettings

ENGINE = 'odd'
ABORTING, WAITING, HOLDING = 'aborting', 'waiting', 'holding'
GATE = 'ODD_BACKENDS_GATE'


class Odd(OnnxRuntime):
    """Runs models like the engine that it is, but for those that are spoiled.

    It kills its process instead of opening an `ABORTING` one, as a faulty engine does by accident;
    it takes as long to open a `WAITING` one as the file that the environment names exists; and as
    long to run a `HOLDING` one.
    """

    def open(self, content: ModelContent, settings: ExecutionSettings, *more: Any) -> Any:
        oddities = {*content.external} & {ABORTING, WAITING, HOLDING}
        external = {n: data for n, data in content.external.items() if n not in oddities}
        if ABORTING in oddities:
            os.abort()
        if WAITING in oddities:
            wait_for_the_gate()
        session = super().open(replace(content, external=external), settings, *more)
        return _HeldSession(session) if HOLDING in oddities else session


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


def spoil(folder: Path, oddity: str) -> None:
    """Makes the engine treat the model of a package folder oddly."""
    from model_folders import pin_files  # the node's process needs none of what this imports

    (folder / oddity).touch()
    pin_files(folder)


def register(folder: Path) -> dict[str, str]:
    """Makes the engine known through `folder`; returns the environment that says so."""
    info = folder / 'odd_backends-1.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: odd_backends\nVersion: 1\n')
    (info / 'entry_points.txt').write_text(
        f'[ml_integration.backends]\n{ENGINE} = odd_backends:{Odd.__name__}\n'
    )
    root = Path(ml_integration.__file__).parents[1]
    paths = (str(root), str(folder), str(Path(__file__).parent))
    return {'PYTHONPATH': os.pathsep.join(paths), GATE: str(folder / 'gate')}
