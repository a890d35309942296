"""Accuracy of the model of rooms, measured through the pipeline that a robot runs.

`python -m dev.training.rooms.evaluation models/rooms_depth/1`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dev.training.evaluation import image_message
from dev.training.rooms.scenes import (
    FIRST_TRAINING_SEED,
    HELD_OUT_SEEDS,
    make_room,
    render_room,
)
from ml_integration.core.abilities import Score, Scoring
from ml_integration.core.arrivals import of_one
from ml_integration.core.datatypes import Array
from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.loading import Loader
from ml_integration.ops.depth_maps import DepthMap
from ml_integration.store.package.package import read_package

SIZE_WH = (640, 480)
COARSE_WH = (160, 120)
"""Enough for the mean of many rooms, which has no edges [px]."""


@dataclass(frozen=True)
class DepthAccuracy:
    """Figures of a model, and of a guess that knows no picture.

    Attributes:
        model: of what the model says.
        blind: of the mean depth of other rooms at each place, whatever the picture shows.
    """

    model: Sequence[Score]
    blind: Sequence[Score]


def evaluate(folder: Path, seeds: Sequence[int]) -> DepthAccuracy:
    """Runs a model package on rooms, and scores what it says of them."""
    pipeline = Loader(ExecutionSettings(intra_op_threads=1)).load(read_package(folder))
    try:
        assert isinstance(pipeline.task, Scoring)
        model, blind = pipeline.task.scorer(), pipeline.task.scorer()
        guess = mean_depth(100)
        for seed in seeds:
            picture, depth = render_room(make_room(seed), SIZE_WH)
            true = as_result(depth)
            found = pipeline.run(of_one('images', image_message(picture)))
            if not found.verdict.ok:
                raise ValueError(f'the pipeline calls its result invalid: {found.verdict}')
            model.add(found.result, true)
            blind.add(as_result(guess), true)
        return DepthAccuracy(model.scores(), blind.scores())
    finally:
        pipeline.close()


def as_result(depth: Array) -> DepthMap:
    """A depth (H, W) float32 [m] as the task would give it."""
    return DepthMap(depth, 'metric', 1.0, 1.0, float(np.ptp(depth)))


def mean_depth(rooms: int) -> Array:
    """Geometric mean of the depth (480, 640) of training rooms [m]."""
    seeds = range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + rooms)
    logarithms = [np.log(render_room(make_room(seed), COARSE_WH)[1]) for seed in seeds]
    mean = np.exp(np.mean(logarithms, axis=0, dtype=np.float32))
    return cv2.resize(mean, SIZE_WH)


def table(accuracy: DepthAccuracy) -> str:
    """The figures as a Markdown table."""
    lines = ['| figure | model | mean of other rooms |', '|---|---|---|']
    for one, other in zip(accuracy.model, accuracy.blind, strict=True):
        name = f'{one.name} [{one.unit}]' if one.unit else one.name
        lines.append(f'| {name} | {one.value:.3f} | {other.value:.3f} |')
    return '\n'.join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Measure models on held-out rooms.')
    parser.add_argument('folders', type=Path, nargs='+', metavar='FOLDER')
    for folder in parser.parse_args().folders:
        print(f'{folder}\n{table(evaluate(folder, HELD_OUT_SEEDS))}')


if __name__ == '__main__':
    main()
