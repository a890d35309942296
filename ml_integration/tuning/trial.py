"""What a process that measures is asked, and what it answers: one line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ml_integration.core.declaration import build
from ml_integration.core.execution import ExecutionSettings


@dataclass(frozen=True, slots=True)
class Material:
    """Recorded messages that every candidate is measured on.

    Attributes:
        path: the recording.
        routes: topics in the manifest, by recorded topic; '' where a recording has no topics.
        steps: number of runs that it is for; they are repeated when there are more blocks.
        rate_hz: pace at which the runs are started [Hz].
        truths: names of the task's truths, by recorded topic; empty if there are no labels.
    """

    path: str
    routes: Mapping[str, tuple[str, ...]]
    steps: int
    rate_hz: float
    truths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to run a model.

    Attributes:
        package: folder of the model.
        material: what it runs on.
        execution: settings of the engine.
        batch: most frames that run together; as many cameras send frames at the same time.
        cameras: number of cameras.
        model_key: file with the key of encrypted models; empty for that of the environment.
        raw_subscription: whether the node reads serialized messages.
        large_messages: whether camera and node have the profile for large messages.
        scratch: folder for what is not needed afterwards.
    """

    package: str
    material: Material
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    batch: int = 1
    cameras: int = 1
    model_key: str = ''
    raw_subscription: bool = True
    large_messages: bool = True
    scratch: str = ''

    def line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Trial:
        """Reads what `line` wrote."""
        document: dict[str, Any] = json.loads(line)
        execution = build(ExecutionSettings, document.pop('execution'), 'trial')
        material = document.pop('material')
        for name in ('routes', 'truths'):
            material[name] = {topic: tuple(of) for topic, of in material[name].items()}
        return cls(**document, execution=execution, material=Material(**material))


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that is ready to be measured.

    Attributes:
        threads: threads inside one operator; 0 if the engine does not say.
        spinning: how they wait; empty if the engine does not say.
        device: where the engine runs it.
        fallback: why that is not where it was asked to; empty if it is.
        load_s: time that opening took [s].
    """

    threads: int
    spinning: str
    device: str
    fallback: str
    load_s: float


@dataclass(frozen=True, slots=True)
class Block:
    """Frames that were run one after another.

    Attributes:
        latency_ms: from the arrival of each frame to its result, without the first one, before
            which there was a longer pause than usual [ms].
        cpu_ms: CPU time of the process per frame, the pauses included [ms].
        memory_mb: memory that the process has taken since before the model was opened [MB].
        lost: frames without a result, because newer ones came or something failed.
        error: the last reason why a frame has failed; empty if none has.
    """

    latency_ms: tuple[float, ...]
    cpu_ms: float
    memory_mb: float
    lost: int
    error: str = ''
