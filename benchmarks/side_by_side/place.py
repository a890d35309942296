"""Place of a run: its folder, its own node, its cameras, and how nodes are started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import frame_source
from benchmarks.side_by_side.line_process import LineProcess
from benchmarks.side_by_side.models import Model
from benchmarks.side_by_side.observer import Observer
from ml_integration.ros.client.child_process import ChildProcess, parameters, start_node
from ml_integration.ros.messages.fast_dds import VARIABLES


class Cameras:
    """The camera processes: with the package's Fast DDS profile and without one."""

    def __init__(self, out: Path, resources: ExitStack) -> None:
        self.profile = self._start(out / 'camera.log', os.environ, resources)
        self.default = self._start(out / 'camera_default.log', without_profile(), resources)

    def _start(
        self, log: Path, environment: Mapping[str, str], resources: ExitStack
    ) -> LineProcess:
        camera = LineProcess(frame_source.MODULE, (), environment, log)
        resources.callback(camera.end)
        return camera


@dataclass(frozen=True, slots=True)
class Place:
    """Place of everything of a run.

    Attributes:
        out: logs, models, pictures and state.
        observer: the benchmark's node.
        cameras: silent unless something is being measured.
    """

    out: Path
    observer: Observer
    cameras: Cameras

    @property
    def store(self) -> Path:
        return self.out / 'models'

    def child(
        self,
        node: str,
        module: str,
        environment: Mapping[str, str],
        *arguments: str,
        **values: Any,
    ) -> ChildProcess:
        """Starts a node with these parameters."""
        log = self.out / f'{node}.log'
        return start_node(node, module, [*arguments, *parameters(values)], log, environment)

    def ours(
        self, node: str, model: str, state: Path, *arguments: str, **values: Any
    ) -> ChildProcess:
        """Starts an inference node of the package, which brings itself to active."""
        module = 'ml_integration.ros.inference.inference_node'
        fixed = {'autostart': 'true', 'model': model, 'model_path': self.store}
        values = {**fixed, 'state_dir': state, **values}
        return self.child(node, module, os.environ, *arguments, **values)

    def naive(
        self, node: str, model: Model, environment: Mapping[str, str], *arguments: str
    ) -> ChildProcess:
        """Starts a naive node."""
        folder = model.folder(self.store)
        files = {'model': folder / 'model.onnx', 'labels': folder / 'labels.txt'}
        return self.child(node, 'benchmarks.naive_node', environment, *arguments, **files)

    def bare(self, node: str, model: Model, *arguments: str) -> ChildProcess:
        """Starts a node that does the least."""
        file = model.folder(self.store) / 'model.onnx'
        return self.child(node, 'benchmarks.bare_node', os.environ, *arguments, model=file)


def without_profile() -> dict[str, str]:
    """This process's environment with Fast DDS as it comes."""
    return {key: value for key, value in os.environ.items() if key not in VARIABLES}
