"""The bare loop: copy a frame's bytes, run the session. Nothing can be faster than that.

The engine and its settings are those of the package's nodes; the tensor is made beforehand.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.side_by_side.line_process import serve
from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.cpus import keep_thread_on
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.ros.node.memory import keep_buffers
from ml_integration.ros.video.pace import Pace

MODULE = 'benchmarks.side_by_side.floor'


@dataclass(frozen=True, slots=True)
class Loop:
    """Order: the picture, frames per second (0: one after the other) and for how long."""

    picture: str
    rate_hz: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Lap:
    """Number of runs in a number of seconds, and the percentiles of the time they took [ms]."""

    frames: int
    seconds: float
    p50_ms: float
    p99_ms: float


class Floor:
    """One model's session.

    Args:
        model: the model file.
    """

    def __init__(self, model: Path) -> None:
        content = ModelContent(ModelIdentity('floor', 1), model.read_bytes())
        self._session = OnnxRuntime().open(content, ExecutionSettings())

    def run(self, loop: Loop) -> Lap:
        """Runs the loop and measures it."""
        picture = cv2.imread(loop.picture, cv2.IMREAD_COLOR)
        (spec,) = self._session.inputs
        height, width = spec.shape[2] or 1, spec.shape[3] or 1
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        tensor = np.ascontiguousarray(small.transpose(2, 0, 1)[None], np.float32) / 255
        arrived, frame = picture.tobytes(), np.empty(picture.size, np.uint8)
        spent_ms = []
        keep_thread_on(self._session.cpus)
        begin = now = time.monotonic()
        pace = Pace(1 / loop.rate_hz, begin) if loop.rate_hz else None
        while now < begin + loop.seconds:
            if pace is not None:
                time.sleep(pace.wait_s(now))
            start_ns = time.perf_counter_ns()
            np.copyto(frame, np.frombuffer(arrived, np.uint8))
            self._session.run({spec.name: tensor})
            spent_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
            now = time.monotonic()
        p50, p99 = np.percentile(spent_ms, (50, 99)).tolist()
        return Lap(len(spent_ms), now - begin, p50, p99)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', type=Path)
    keep_buffers()
    serve(Loop, Floor(parser.parse_args().model).run)
    return 0


if __name__ == '__main__':
    sys.exit(main())
