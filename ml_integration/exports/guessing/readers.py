"""Readers of outputs for each task beside detection and classification."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing import (
    depth_estimation_fit,
    instance_segmentation_fit,
    keypoints_fit,
    segmentation_fit,
)
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.evidence import Evidence

Reader = Callable[[Evidence, Claims, bool], tuple[Fit, ...]]
"""Returns the ways in which a task reads outputs, best first; none if it does not.

The last argument tells whether the export names this task; if not, names and values of the
outputs have to speak for it clearly.
"""

READERS: Mapping[str, Reader] = {
    'instance_segmentation': instance_segmentation_fit.read,
    'depth_estimation': depth_estimation_fit.read,
    'keypoints': keypoints_fit.read,
    'segmentation': segmentation_fit.read,
}
"""By the name of the task."""
UNLABELED = ('depth_estimation', 'tensor')
"""Tasks whose results have no classes."""
