"""How accuracy, agreement and flicker tell that pictures get worse, on drawn scenes with truth.

    python -m benchmarks.accuracy [--scenes 20] [--frames 30]

The model `shapes@2` sees scenes at 30 Hz as they are, and dark, blurred or grainy. Its results are
scored against the true boxes, against those of `shapes@1` (a teacher that knows five of the six
kinds), and against their neighbors. Prints a table with 95 % intervals over the scenes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rolling_scores import RollingScores
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import LEAST_VISIBLE, Scene, render, truth
from ml_integration.deploy.loading import Loader
from ml_integration.ops.detections import Detections
from ml_integration.recordings.pictures import picture_message
from ml_integration.store.package.package import read_package

MODELS = Path(__file__).parents[1] / 'models' / 'shapes'
RATE_HZ = 30.0
Spoil = Callable[[np.ndarray], np.ndarray]


def _grainy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(int(picture[0, 0, 0])).normal(0, 40, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


CONDITIONS: dict[str, Spoil] = {
    'as it is': lambda picture: picture,
    'dark: 30 % of the light': lambda picture: (picture * 0.3).astype(np.uint8),
    'dark: 10 % of the light': lambda picture: (picture * 0.1).astype(np.uint8),
    'blurred: 4 px': lambda picture: cv2.GaussianBlur(picture, (0, 0), 4),
    'grainy: 40 of 255': _grainy,
}


def true_objects(scene: Scene, time_s: float) -> Detections:
    """Returns what a detector should find."""
    known = truth(scene, time_s)
    seen = known.visible >= LEAST_VISIBLE
    count = int(seen.sum())
    return Detections(known.xyxy[seen], np.ones(count, np.float32), known.class_ids[seen], count)


def result_of(pipeline: Pipeline, picture: np.ndarray, stamp_ns: int) -> Any:
    """Returns the result for a picture (H, W, 3) uint8 RGB."""
    arrival = Arrival(picture_message(picture, stamp_ns, 'rgb8'), stamp_ns, stamp_ns, 0)
    (item,) = pipeline.wiring.inputs
    return pipeline.run(Observation('', arrival, {item.tensor: (arrival,)})).result


def measure(
    student: Pipeline, teacher: Pipeline, scene: Scene, spoil: Spoil, frames: int
) -> tuple[float, float, float]:
    """Returns mAP50 against the truth and against the teacher, and the flicker, of a scene.

    What cannot be told is NaN: a teacher that sees nothing, or nothing that could flicker.
    """
    task: Any = student.task
    against_truth, against_teacher = (RollingScores(task.scorer) for _ in range(2))
    samples, flicker = [], np.zeros(2)
    for frame in range(frames):
        time_s = frame / RATE_HZ
        picture = spoil(render(scene, time_s))
        result = result_of(student, picture, frame)
        against_truth.add(result, true_objects(scene, time_s), frames)
        against_teacher.add(result, result_of(teacher, picture, frame), frames)
        samples.append(task.sample(result))
        if len(samples) >= 3:
            flicker += task.flicker(*samples[-3:])
    scores = [each.scores()[1].value for each in (against_truth, against_teacher)]
    return scores[0], scores[1], float(flicker[0] / flicker[1]) if flicker[1] else float('nan')


def interval(values: np.ndarray) -> str:
    """Returns the mean and its interval of 95 % as text."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return f'({len(known)} scenes)'
    half = 1.96 * known.std(ddof=1) / np.sqrt(len(known))
    of = f' ({len(known)} scenes)' if len(known) < len(values) else ''
    return f'{known.mean():.3f} +- {half:.3f}{of}'


def main() -> None:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--scenes', type=int, default=20)
    parser.add_argument('--frames', type=int, default=30)
    args = parser.parse_args()
    loader = Loader()
    student, teacher = (loader.load(read_package(MODELS / version)) for version in ('2', '1'))
    print('| pictures | mAP50 against truth | mAP50 against the teacher | flicker |')
    print('|---|---|---|---|')
    for name, spoil in CONDITIONS.items():
        found = np.array(
            [
                measure(student, teacher, make_scene(seed), spoil, args.frames)
                for seed in range(1000, 1000 + args.scenes)
            ]
        )
        print(f'| {name} | {" | ".join(interval(column) for column in found.T)} |', flush=True)


if __name__ == '__main__':
    main()
