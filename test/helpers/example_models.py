"""A small model for each name in `config/examples/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx_models
from model_folders import write_model_folder

COLORS = ('red', 'green', 'blue')
DETECTOR: dict[str, Any] = {'task': 'object_detection', 'settings': {'decoder': 'yolo'}}
MODELS: Mapping[str, dict[str, Any]] = {
    'shapes': DETECTOR,
    'my_detector': DETECTOR,
    'my_classifier': {
        'model': onnx_models.classifier(),
        'task': 'classification',
        'settings': {'softmax': True},
    },
    'my_segmenter': {
        'model': onnx_models.channel_scores(32, 32),
        'task': 'segmentation',
        'settings': {'kind': 'scores'},
    },
    'my_instances': {
        'model': onnx_models.instance_segmenter(),
        'task': 'instance_segmentation',
        'settings': {
            'decoder': 'yolo',
            'decoder_options': {'other_columns': 1},
            'masks': 'prototypes',
        },
    },
    'my_keypoints': {
        'model': onnx_models.channel_scores(32, 32),
        'labels': ('marker',),
        'task': 'keypoints',
        'settings': {'points': 'heatmaps', 'keypoint_names': ['red', 'green', 'blue']},
    },
    'my_landmarks': {
        'model': onnx_models.channel_scores(32, 32, free_batch=True),
        'labels': ('marker',),
        'task': 'keypoints',
        'settings': {'points': 'heatmaps'},
        'encode': {'resize': 'stretch'},
    },
    'my_depth': {
        'model': onnx_models.depth_map(),
        'labels': (),
        'task': 'depth_estimation',
        'settings': {'kind': 'metric', 'min_valid_share': 0.1},
    },
    'my_numbers': {
        'model': onnx_models.classifier(),
        'labels': (),
        'task': 'tensor',
        'settings': {},
    },
}
"""Arguments of `write_model_folder`."""


def write_example_model(store: Path, name: str) -> str:
    """Writes the model of an example into a store; returns the name of its task."""
    write_model_folder(store, name, **{'labels': COLORS, **MODELS[name]})
    task: str = MODELS[name]['task']
    return task
