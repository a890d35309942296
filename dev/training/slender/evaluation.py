"""Accuracy of the models of slender shapes, measured through the pipeline that a robot runs.

`python -m dev.training.slender.evaluation models/slender_boxes/1 models/slender_masks/1`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dev.training.evaluation import LEAST_OVERLAP, average_precision, image_message
from dev.training.slender.release import HELD_OUT_SEEDS, LEAST_VISIBLE
from dev.training.slender.scenes import (
    LABELS,
    TIME_S,
    SlenderTruth,
    make_slender_scene,
    slender_truth,
)
from ml_integration.core.abilities import Score, Scoring
from ml_integration.core.arrivals import of_one
from ml_integration.core.datatypes import Array
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.demos.scenes import render
from ml_integration.deploy.loading import Loader
from ml_integration.ops.boxes import iou_matrix
from ml_integration.ops.detections import Detections
from ml_integration.ops.rotated_boxes import rotated_iou_matrix
from ml_integration.store.package.package import read_package

_LOWEST_SCORE = 0.05
SURE = 0.3
"""Score from which on a kind is taken to be in the picture."""


def evaluate(folder: Path, seeds: Sequence[int]) -> Sequence[Score]:
    """Runs a model package on one frame of each scene, and scores what it finds."""
    package = read_package(folder)
    # Average precision needs what scores below the manifest's threshold as well.
    settings = {**package.manifest.settings, 'score_threshold': _LOWEST_SCORE}
    everything = replace(package, manifest=replace(package.manifest, settings=settings))
    pipeline = Loader(ExecutionSettings(intra_op_threads=1)).load(everything)
    try:
        if package.manifest.task == 'classification':
            return _scores_of_kinds(pipeline, seeds)
        return _scores(pipeline, seeds)
    finally:
        pipeline.close()


def _scores(pipeline: Pipeline, seeds: Sequence[int]) -> Sequence[Score]:
    assert isinstance(pipeline.task, Scoring)
    scorer = pipeline.task.scorer()
    for seed in seeds:
        scene = make_slender_scene(seed)
        picture = image_message(render(scene, TIME_S))
        found: Detections = pipeline.run(of_one('images', picture)).result
        shown = slender_truth(scene, TIME_S)
        everything = as_detections(shown, turned=found.angles is not None)
        asked = shown.visible >= LEAST_VISIBLE
        visible = everything.take(np.flatnonzero(asked))
        hidden = everything.take(np.flatnonzero(~asked))
        scorer.add(_without(found, visible, hidden), visible)
    return scorer.scores()


def _scores_of_kinds(pipeline: Pipeline, seeds: Sequence[int]) -> Sequence[Score]:
    """Scores each kind on the pictures that show it clearly or not at all."""
    said = np.zeros((len(seeds), len(LABELS)))
    shown, asked = (np.zeros(said.shape, bool) for _ in range(2))
    for row, seed in enumerate(seeds):
        scene = make_slender_scene(seed)
        picture = image_message(render(scene, TIME_S))
        found = pipeline.run(of_one('images', picture)).result
        said[row, found.class_ids] = found.scores
        truth = slender_truth(scene, TIME_S)
        shown[row, truth.class_ids[truth.visible >= LEAST_VISIBLE]] = True
        asked[row] = True
        asked[row, truth.class_ids[truth.visible < LEAST_VISIBLE]] = False
    asked |= shown
    precisions = {}
    for number, label in enumerate(LABELS):
        mine = asked[:, number]
        right = shown[mine, number][np.argsort(-said[mine, number], kind='stable')]
        precisions[label] = average_precision(right, int(right.sum()))
    sure = (said >= SURE) == shown
    return [
        Score('mAP', float(np.mean(list(precisions.values())))),
        Score(f'accuracy at {SURE}', float(sure[asked].mean())),
        *(Score(f'AP {label}', value) for label, value in precisions.items()),
    ]


def as_detections(shown: SlenderTruth, turned: bool) -> Detections:
    """What a picture shows as a perfect detector would say it.

    Args:
        shown: contents of the picture.
        turned: give the boxes along the shapes; otherwise upright ones and the masks.
    """
    count = len(shown.class_ids)
    scores = np.ones(count, np.float32)
    if not turned:
        return Detections(shown.xyxy, scores, shown.class_ids, count, instances=shown.instances)
    centers, halves = shown.turned[:, :2], shown.turned[:, 2:4] / 2
    xyxy = np.concatenate((centers - halves, centers + halves), axis=1).astype(np.float32)
    return Detections(xyxy, scores, shown.class_ids, count, angles=shown.turned[:, 4])


def _without(found: Detections, visible: Detections, hidden: Detections) -> Detections:
    """Leaves out what is found on hidden shapes: that is neither right nor wrong."""
    right, excused = (
        (_overlap(found, each) >= LEAST_OVERLAP).any(axis=1) for each in (visible, hidden)
    )
    return found.take(np.flatnonzero(right | ~excused))


def _overlap(first: Detections, second: Detections) -> Array:
    if first.angles is None or second.angles is None:
        return iou_matrix(first.xyxy, second.xyxy)
    return rotated_iou_matrix((first.xyxy, first.angles), (second.xyxy, second.angles))


def table(scores: Sequence[Score]) -> str:
    """The figures as a Markdown table."""
    lines = ['| figure | value |', '|---|---|']
    return '\n'.join([*lines, *(f'| {score.name} | {score.value:.3f} |' for score in scores)])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Measure models on held-out scenes.')
    parser.add_argument('folders', type=Path, nargs='+', metavar='FOLDER')
    for folder in parser.parse_args().folders:
        print(f'{folder}\n{table(evaluate(folder, HELD_OUT_SEEDS))}')


if __name__ == '__main__':
    main()
