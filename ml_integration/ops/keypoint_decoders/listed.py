"""Points as an output beside that of the boxes: torchvision's Keypoint R-CNN."""

from __future__ import annotations

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.errors import FrameError
from ml_integration.ops.decoders import Candidates, rows_of
from ml_integration.ops.keypoint_decoders import (
    KeypointOptions,
    as_points,
    points_output,
    scores_of,
)


class Listed:
    """Reads [N, K, 2 or 3] or [1, N, K, 2 or 3] in the order of the boxes.

    Scores may be an output of their own, [N, K]. Without one the third number is the score;
    torchvision's says whether a point is visible, which is always 1.
    """

    needs_boxes = True
    batched = False

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: KeypointOptions
    ) -> None:
        self._input_wh = input_wh
        self._options = options
        points = [s for s in model.outputs if len(s.shape) > 2 and s.shape[-1] in (2, 3, None)]
        named = [s for s in points if 'keypoint' in s.name.lower() or 'kpt' in s.name.lower()]
        chosen = options.points_output or (named[0].name if len(named) == 1 else '')
        output = points_output(model, chosen, ('keypoint', 'kpt'), '[boxes, points, 3]')
        self._points, self.count = output.name, output.shape[-2]
        scores = [
            s.name
            for s in model.outputs
            if s.name == options.scores_output
            or (not options.scores_output and s is not output and _scores_points(s.name))
        ]
        self._scores = scores[0] if scores else ''
        self.reads = tuple(name for name in (self._points, self._scores) if name)

    def __call__(self, outputs: Tensors, boxes: Candidates | None) -> tuple[Array, None]:
        """Reads the points of the boxes that were chosen.

        Raises:
            FrameError: there are no points of these boxes.
        """
        assert boxes is not None  # the task has checked it
        every = outputs[self._points]
        if every.shape[-1] not in (2, 3):
            raise FrameError(
                f"'{self._points}' does not hold points",
                got=f'{every.shape[-1]} numbers of each',
                expected='2 or 3',
            )
        numbers = every.reshape(-1, *every.shape[-2:])
        rows = rows_of(boxes, len(numbers), 'objects with points')
        points = as_points(numbers[rows], self._options, self._input_wh)
        if self._scores:
            scores = outputs[self._scores].reshape(-1, every.shape[-2])
            rows = rows_of(boxes, len(scores), 'scores of points')
            points[..., 2] = scores_of(scores[rows], self._options.sigmoid)
        return points, None


def _scores_points(name: str) -> bool:
    low = name.lower()
    return 'score' in low and ('keypoint' in low or 'kpt' in low)
