"""Accuracy of a released version, measured through the very pipeline that a robot runs.

`python -m dev.training.evaluation models/shapes/2` draws the held-out scenes and prints a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt

from dev.training.releases import HELD_OUT_SEEDS, LEAST_VISIBLE
from ml_integration.core.arrivals import of_one
from ml_integration.core.datatypes import Array
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import KINDS, Truth, render, truth
from ml_integration.deploy.loading import Loader
from ml_integration.ops.boxes import iou_matrix
from ml_integration.store.package.package import read_package

TIME_S = 5.0
"""Of the frame that is taken of each held-out scene."""
LEAST_OVERLAP = 0.5
"""Intersection over union from which on a box is right."""
_LOWEST_SCORE = 0.01


@dataclass(frozen=True)
class Example:
    """A picture, (480, 640, 3) uint8 RGB, and what it shows."""

    picture: npt.NDArray[np.uint8]
    truth: Truth


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of one label, or the mean over labels.

    Attributes:
        ap50: average precision at an overlap of 0.5, all points interpolated.
        precision: share of right boxes among those above the manifest's score threshold.
        recall: share of shapes found by them.
        shapes: how many there were to find.
    """

    ap50: float
    precision: float
    recall: float
    shapes: int


def examples(seeds: Iterable[int]) -> list[Example]:
    """One frame of each scene."""
    scenes = map(make_scene, seeds)
    return [Example(render(scene, TIME_S), truth(scene, TIME_S)) for scene in scenes]


def evaluate(folder: Path, pictures: Sequence[Example]) -> Mapping[str, Accuracy]:
    """Runs a model package on pictures.

    Returns:
        Accuracy by label, and as 'mean' over all labels.
    """
    package = read_package(folder)
    threshold = float(package.manifest.settings['score_threshold'])
    # Average precision needs what scores below the manifest's threshold as well.
    settings = {**package.manifest.settings, 'score_threshold': _LOWEST_SCORE}
    everything = replace(package, manifest=replace(package.manifest, settings=settings))
    pipeline = Loader(ExecutionSettings(intra_op_threads=1)).load(everything)
    try:
        found = [_found(pipeline, example) for example in pictures]
    finally:
        pipeline.close()
    by_label = {
        label: _accuracy(found, pictures, KINDS.index(label), threshold)
        for label in package.labels
    }
    return {**by_label, 'mean': _mean(list(by_label.values()))}


def _found(pipeline: Pipeline, example: Example) -> tuple[Array, Array, Array]:
    prediction = pipeline.run(of_one('images', image_message(example.picture)))
    if not prediction.verdict.ok:
        raise ValueError(f'the pipeline calls its result invalid: {prediction.verdict}')
    result = prediction.result
    return result.xyxy, result.scores, result.class_ids


def image_message(picture: npt.NDArray[np.uint8]) -> SimpleNamespace:
    """A picture (H, W, 3), RGB, with the fields of a sensor_msgs/msg/Image."""
    height, width = picture.shape[:2]
    header = SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0), frame_id='scene')
    return SimpleNamespace(
        header=header, height=height, width=width, step=3 * width, encoding='rgb8',
        is_bigendian=0, data=picture.tobytes(),
    )  # fmt: skip


def _accuracy(
    found: Sequence[tuple[Array, Array, Array]],
    pictures: Sequence[Example],
    class_id: int,
    threshold: float,
) -> Accuracy:
    scores: list[float] = []
    right: list[bool] = []
    shapes = 0
    for (xyxy, all_scores, class_ids), example in zip(found, pictures, strict=True):
        mine, real = class_ids == class_id, example.truth.class_ids == class_id
        counted = example.truth.visible[real] >= LEAST_VISIBLE
        shapes += int(counted.sum())
        hits = _match(iou_matrix(xyxy[mine], example.truth.xyxy[real]), counted)
        scores += [s for s, hit in zip(all_scores[mine], hits, strict=True) if hit is not None]
        right += [hit for hit in hits if hit is not None]
    order = np.argsort(-np.array(scores), kind='stable')
    correct = np.array(right, bool)[order]
    sure = int((np.array(scores) >= threshold).sum())
    hits_sure = int(correct[:sure].sum())
    return Accuracy(
        average_precision(correct, shapes), hits_sure / max(sure, 1), hits_sure / shapes, shapes
    )


def _match(overlaps: npt.NDArray[np.float64], counted: npt.NDArray[np.bool_]) -> list[bool | None]:
    """Tells for each box, best first, whether it is right; None where it is on a hidden shape.

    Args:
        overlaps: (boxes, shapes) of one class in one picture.
        counted: (shapes,) False for a shape that is hidden too much to be asked for.
    """
    free = np.ones(len(counted), bool)
    hits: list[bool | None] = []
    for row in overlaps:
        enough = row >= LEAST_OVERLAP
        choice = np.flatnonzero(enough & free & counted)
        if len(choice):
            free[choice[row[choice].argmax()]] = False
            hits.append(True)
        else:
            hits.append(None if (enough & ~counted).any() else False)
    return hits


def average_precision(correct: npt.NDArray[np.bool_], positives: int) -> float:
    """Area under precision over recall; precision is the best at that recall or a higher one.

    Args:
        correct: (N,) whether each detection is right, in order of falling score.
        positives: how many there are to find.
    """
    hits = np.cumsum(correct)
    precision = hits / np.arange(1, len(correct) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[correct].sum() / positives)


def _mean(rows: Sequence[Accuracy]) -> Accuracy:
    ap50, precision, recall = np.mean([(r.ap50, r.precision, r.recall) for r in rows], axis=0)
    return Accuracy(float(ap50), float(precision), float(recall), sum(r.shapes for r in rows))


def table(accuracies: Mapping[str, Accuracy]) -> str:
    """The figures as a Markdown table."""
    lines = ['| label | shapes | AP50 | precision | recall |', '|---|---|---|---|---|']
    lines += [
        f'| {label} | {a.shapes} | {a.ap50:.3f} | {a.precision:.3f} | {a.recall:.3f} |'
        for label, a in accuracies.items()
    ]
    return '\n'.join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Measure versions of shapes on held-out scenes.')
    parser.add_argument('folders', type=Path, nargs='+', metavar='FOLDER')
    arguments = parser.parse_args()
    pictures = examples(HELD_OUT_SEEDS)
    for folder in arguments.folders:
        print(f'{folder}\n{table(evaluate(folder, pictures))}')


if __name__ == '__main__':
    main()
