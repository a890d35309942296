"""Exports as other people's tools write them, made here: nothing is a copy of a real one."""

from __future__ import annotations

import json
from typing import Any

import onnx
import onnx_models

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.claims import Claims
from ml_integration.exports.claims_of_formats import read_export
from ml_integration.exports.export import Export

Files = dict[str, bytes]
COLORS = ('red', 'green', 'blue')


def claims_of(made: Export) -> Claims:
    """What an export says; where two formats differ, that of the lower rank."""
    return read_export(made).claims


def export(
    files: dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
    model: str = 'model.onnx',
    outputs: tuple[TensorSpec, ...] = (),
) -> Export:
    """An export; files that are no bytes are written as JSON."""
    written = {
        name: content if isinstance(content, bytes) else json.dumps(content).encode()
        for name, content in (files or {}).items()
    }
    return Export('it', model, written, metadata or {}, (), outputs)


def with_metadata(metadata: dict[str, str]) -> bytes:
    """The tiny detector with entries of metadata."""
    model = onnx.load_from_string(onnx_models.tiny_detector())
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    data: bytes = model.SerializeToString()
    return data


ULTRALYTICS = {
    'description': 'Ultralytics YOLO11n model trained on colors.yaml',
    'author': 'Ultralytics',
    'version': '8.3.0',
    'license': 'AGPL-3.0 License (https://ultralytics.com/license)',
    'stride': '32',
    'task': 'detect',
    'batch': '1',
    'imgsz': '[384, 640]',
    'names': "{0: 'red', 1: 'green', 2: \"don't\"}",
    'args': "{'batch': 1, 'half': False, 'simplify': True, 'nms': False, 'opset': None}",
    'channels': '3',
}
OTX = {
    'model_info model_type': 'ssd',
    'model_info labels': 'red dark_green blue',
    'model_info mean_values': '123.675 116.28 103.53',
    'model_info scale_values': '58.395 57.12 57.375',
    'model_info resize_type': 'fit_to_window_letterbox',
    'model_info pad_value': '114',
    'model_info reverse_input_channels': 'True',
    'model_info confidence_threshold': '0.35',
    'model_info iou_threshold': '0.6',
}
DETR_CONFIG = {
    '_name_or_path': 'someone/detr-colors',
    'architectures': ['DetrForObjectDetection'],
    'model_type': 'detr',
    'num_queries': 100,
    'id2label': {'0': 'red', '1': 'N/A', '2': 'blue'},
}
DETR_PROCESSOR = {
    'image_processor_type': 'DetrImageProcessor',
    'do_normalize': True,
    'do_pad': True,
    'do_rescale': True,
    'do_resize': True,
    'image_mean': [0.485, 0.456, 0.406],
    'image_std': [0.229, 0.224, 0.225],
    'resample': 2,
    'rescale_factor': 0.00392156862745098,
    'size': {'shortest_edge': 800, 'longest_edge': 1333},
}
VIT_PROCESSOR = {
    'image_processor_type': 'ViTImageProcessor',
    'do_normalize': True,
    'do_rescale': True,
    'do_resize': True,
    'image_mean': [0.5, 0.5, 0.5],
    'image_std': [0.5, 0.5, 0.5],
    'resample': 2,
    'rescale_factor': 0.00392156862745098,
    'size': {'height': 224, 'width': 224},
}
ROBOFLOW = {
    'network_input': {
        'training_input_size': {'height': 432, 'width': 640},
        'dynamic_spatial_size_supported': False,
        'color_mode': 'rgb',
        'resize_mode': 'letterbox',
        'padding_value': 127,
        'input_channels': 3,
        'scaling_factor': 255,
        'normalization': [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
    },
    'image_pre_processing': {'auto-orient': {'enabled': True}},
    'post_processing': {'type': 'nms', 'fused': False},
}
NN_ARCHIVE = {
    'config_version': '1.0',
    'model': {
        'metadata': {'name': 'colors', 'path': 'model.onnx'},
        'inputs': [
            {
                'name': 'images',
                'dtype': 'float32',
                'input_type': 'image',
                'shape': [1, 3, 352, 640],
                'layout': 'NCHW',
                'preprocessing': {
                    'mean': [123.675, 116.28, 103.53],
                    'scale': [58.395, 57.12, 57.375],
                    'reverse_channels': True,
                    'interleaved_to_planar': None,
                    'dai_type': None,
                },
            }
        ],
        'outputs': [{'name': 'out', 'dtype': 'float32'}],
        'heads': [
            {
                'name': 'head',
                'parser': 'YOLO',
                'metadata': {
                    'classes': list(COLORS),
                    'n_classes': 3,
                    'iou_threshold': 0.5,
                    'conf_threshold': 0.4,
                    'max_det': 300,
                    'subtype': 'yolov8',
                },
                'outputs': ['out'],
            }
        ],
    },
}
TIMM = {
    'architecture': 'resnet10t',
    'num_classes': 3,
    'label_names': ['n01', 'n02', 'blue'],
    'label_descriptions': {'n01': 'red', 'n02': 'green'},
    'pretrained_cfg': {
        'tag': 'c3_in1k',
        'input_size': [3, 176, 176],
        'test_input_size': [3, 224, 256],
        'interpolation': 'bicubic',
        'crop_pct': 0.875,
        'test_crop_pct': 0.95,
        'crop_mode': 'center',
        'mean': [0.5, 0.4, 0.3],
        'std': [0.2, 0.2, 0.1],
        'license': 'apache-2.0',
    },
}
TRITON = b"""
# a model of colors
name: "colors"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
  { name: "images" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 240, 320 ] }
]
output {
  name: 'scores'
  data_type: TYPE_FP32
  dims: 3
  label_filename: "names.txt"
}
instance_group [ { kind: KIND_CPU } ]
"""
LABEL_MAP = b"""item {
  name: "/m/1"
  id: 1
  display_name: "red"
}
item { name: 'blue', id: 3 }
"""
