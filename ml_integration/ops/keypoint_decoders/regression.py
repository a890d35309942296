"""Coordinates of the points of the only object: face meshes, BlazePose and other regressors."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.keypoint_decoders import (
    KeypointOptions,
    as_points,
    points_output,
    scores_of,
)


class Regression:
    """Reads K * numbers in any shape; z and other numbers between y and the score are left out.

    Three numbers are x, y and a score: of x, y and z, `numbers: 3` would read z as a score, so
    that a model which gives those needs `scoreless: true`.
    """

    needs_boxes = False
    batched = False

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: KeypointOptions
    ) -> None:
        words = ('landmark', 'keypoint', 'points', 'ld_3d', 'identity')
        output = points_output(model, options.points_output, words, '[1, points * numbers]')
        sizes = [size for size in output.shape if size is not None]
        total = int(np.prod(sizes))
        if total % options.numbers:
            raise ModelMismatchError(
                str(model.identity),
                'the output holds no whole number of points',
                str(output),
                f'a multiple of {options.numbers} numbers',
                "Correct 'points_options.numbers'.",
            )
        self._name, self._presence = output.name, options.presence_output
        known = total // options.numbers if len(sizes) == len(output.shape) else None
        _check_choice(options, known, str(model.identity))
        self.count = options.leading or known
        self._columns = [0, 1]
        if options.numbers > 2:
            self._columns.append(options.score_at % options.numbers)
        self.reads = tuple(name for name in (self._name, self._presence) if name)
        self._input_wh = input_wh
        self._options = options

    def __call__(self, outputs: Tensors, boxes: Candidates | None) -> tuple[Array, Array | None]:
        """Reads the points, and the score of the object where there is one."""
        every = outputs[self._name].reshape(1, -1, self._options.numbers)
        numbers = every[:, : self._options.leading or None, self._columns]
        points = as_points(numbers, self._options, self._input_wh)
        if not self._presence:
            return points, None
        score = outputs[self._presence].reshape(-1)[:1].astype(np.float32)
        return points, scores_of(score, self._options.presence_sigmoid)


def _check_choice(options: KeypointOptions, known: int | None, model: str) -> None:
    """Checks that there are the points and the score that are chosen.

    Raises:
        ModelMismatchError: there are not.
    """
    if options.score_at != -1 and not 2 <= options.score_at < options.numbers:
        raise ModelMismatchError(
            model,
            'there is no score at the place that is said',
            f'place {options.score_at} of {options.numbers} numbers',
            'a place behind x and y, from 2',
            "Correct 'points_options.score_at'.",
        )
    if known is not None and options.leading > known:
        raise ModelMismatchError(
            model,
            'the output holds fewer points than are to count',
            f'{known} points',
            f'{options.leading}',
            "Correct 'points_options.leading'.",
        )
