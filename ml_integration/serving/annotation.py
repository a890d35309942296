"""Draws results into the pictures that they are about."""

from __future__ import annotations

from ml_integration.core.abilities import Drawing
from ml_integration.core.datatypes import Array, Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.ops.pixels import to_bgr8


def annotated(prediction: Prediction, pipeline: Pipeline) -> Array:
    """Draws a result, unless it is held back, into the picture of its run.

    Args:
        prediction: of a run with a picture.
        pipeline: has made it.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    frame = prediction.frames[pipeline.picture][-1]
    canvas = to_bgr8(frame.data, frame.format)
    if prediction.verdict.ok and isinstance(pipeline.task, Drawing):
        pipeline.task.draw(canvas, prediction.result)
        for stage in pipeline.stages.values():
            if isinstance(stage, Drawing):
                stage.draw(canvas, prediction.result)
    return canvas
