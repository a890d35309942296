"""Stages of another package, as entry points give them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ml_integration
from ml_integration.core.contracts import Topic
from ml_integration.core.datatypes import Prediction
from ml_integration.core.declaration import declared
from ml_integration.core.stage_contracts import Companion
from ml_integration.ops.detections import Detections


class Best:
    """Keeps the best objects, and tells how many there were."""

    companions: tuple[Companion, ...] = ()
    topics = (Topic('found', 'std_msgs/msg/Int64'),)

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings of what is kept."""

        most: int = declared(1, 'Most objects that are kept.', ge=1, le=9)

    def __init__(self, settings: Settings, task: Any, model: Any) -> None:
        self._most = settings.most

    def begin(self) -> None:
        """Remembers nothing of a stream."""

    def __call__(self, result: Detections, memory: None, frames: Any, stamp_ns: int) -> Detections:
        return result.take(np.arange(min(self._most, len(result))))

    def encode(
        self, prediction: Prediction, header: Any, messages: Any
    ) -> Iterator[tuple[str, Any]]:
        yield 'found', messages('std_msgs/msg/Int64')(data=len(prediction.result))


def register(folder: Path) -> dict[str, str]:
    """Makes stages known through `folder`; returns the environment that says so.

    They are `best`, `health`, whose name a parameter of the node has, and `broken`.
    """
    info = folder / 'foreign_stages-1.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: foreign_stages\nVersion: 1\n')
    (folder / 'broken_stage.py').write_text('raise RuntimeError("this module is broken")\n')
    (info / 'entry_points.txt').write_text(
        '[ml_integration.stages]\nbest = foreign_stages:Best\nhealth = foreign_stages:Best\n'
        'broken = broken_stage:Broken\n'
    )
    root = Path(ml_integration.__file__).parents[1]
    return {'PYTHONPATH': os.pathsep.join(map(str, (root, folder, Path(__file__).parent)))}
