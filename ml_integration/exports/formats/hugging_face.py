"""Folders of Hugging Face, as optimum exports them: `config.json` and its image processor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ml_integration.exports.claims import Claim, Claims
from ml_integration.exports.export import Export
from ml_integration.exports.reading.class_names import are_generic, class_names
from ml_integration.exports.reading.document import Document, json_document
from ml_integration.exports.reading.image_processor import encode_of, size_of

_TASKS = (
    (r'.*ForImageClassification\w*', 'classification'),
    (r'.*ForObjectDetection', 'object_detection'),
    (r'.*For(Semantic|Image)Segmentation', 'segmentation'),
    (r'.*For\w*Segmentation', 'segmentation_by_queries'),
    (r'.*ForDepthEstimation', 'depth_estimation'),
    (r'.*ForPoseEstimation', 'keypoints'),
    (r'.*ForKeypointDetection', 'keypoints'),
)
_SOFTMAX = ('Detr', 'Yolos', 'TableTransformer')
_ALL_QUERIES = ('RTDetr', 'RTDetrV2', 'DFine')
_HUNDRED = ('ConditionalDetr', 'DeformableDetr')
_METERS = ('GLPN', 'ZoeDepth', 'PromptDepthAnything')


class HuggingFace:
    """`config.json` with `architectures`, and `preprocessor_config.json`."""

    title = 'Hugging Face folder'
    rank = 40

    def read(self, export: Export) -> Claims:
        """Returns what both files say.

        Raises:
            ExportError: they make no sense, or tell of preprocessing that no encoder here does.
        """
        name = export.nearest('config.json')
        if name is None or not re.search(rb'"(architectures|model_type)"', export.files[name]):
            return Claims()
        config = json_document(export.files[name], export.label, name)
        if 'config_version' in config:
            return Claims()
        claims = [*_about(config), *_outputs(config)]
        name = export.nearest('preprocessor_config.json')
        if name is not None and 'pretrained_cfg' not in config:  # which timm prepares itself
            said = json_document(export.files[name], export.label, name)
            claims.extend(_picture(said))
        return Claims(tuple(claims))


def _architecture(config: Document) -> str:
    names = config.get('architectures')
    return names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ''


def _about(config: Document) -> Iterator[Claim]:
    path = config.get('_name_or_path')
    if isinstance(path, str) and re.fullmatch(r'[\w.-]+/[\w.-]+', path):
        yield config.claim('origin', f'Hugging Face: {path}', '_name_or_path')
    names = _names(config)
    if names and _task(config) != 'keypoints':  # whose names are those of the points
        yield config.claim('labels', names, 'id2label')


def _names(config: Document) -> tuple[str, ...]:
    if 'id2label' not in config:
        return ()
    names = class_names(config.get('id2label'), config.label, config.place('id2label'))
    return () if are_generic(names) else names


def _task(config: Document) -> str:
    architecture = _architecture(config)
    return next((task for pattern, task in _TASKS if re.fullmatch(pattern, architecture)), '')


def _outputs(config: Document) -> Iterator[Claim]:
    """Yields the task and how the outputs are read, which follows from the architecture."""
    architecture = _architecture(config)
    task = _task(config)
    if not task:
        return
    yield config.claim('task', task, 'architectures')
    several = config.get('problem_type') == 'multi_label_classification'
    if task == 'classification' and several:
        yield config.claim('settings.multi_label', True, 'problem_type')
        yield config.claim('settings.sigmoid', True, 'problem_type')
    elif task == 'classification':
        yield config.claim('settings.softmax', True, 'architectures')
    if task == 'object_detection':
        for key, value in _boxes(config, architecture.removesuffix('ForObjectDetection')).items():
            yield config.claim(f'settings.{key}', value, 'architectures')
    if task == 'depth_estimation':
        yield from _depth(config, architecture.removesuffix('ForDepthEstimation'))
    if task == 'keypoints':
        yield from _points(config, architecture)


def _boxes(config: Document, family: str) -> dict[str, Any]:
    """Returns the settings that do what `post_process_object_detection` of a family does."""
    if family in _SOFTMAX:
        more: dict[str, Any] = {'activation': 'softmax', 'background': 'last', 'top_k': 0}
    elif family in _ALL_QUERIES:
        top_k = config.whole('num_queries') or 300
        more = {'activation': 'sigmoid', 'background': 'none', 'top_k': top_k}
    elif family in _HUNDRED:
        more = {'activation': 'sigmoid', 'background': 'none', 'top_k': 100}
    else:
        return {}
    options = {'box_format': 'cxcywh', 'normalized': True, 'nms': False, **more}
    named = {f'decoder_options.{key}': value for key, value in options.items()}
    return {'decoder': 'boxes_and_scores', **named}


def _depth(config: Document, family: str) -> Iterator[Claim]:
    """Yields what the numbers are, and how `post_process_depth_estimation` resizes the map."""
    yield config.claim('settings.upsampling', 'cubic', 'architectures')
    if config.text('depth_estimation_type') == 'metric' or family in _METERS:
        yield config.claim('settings.kind', 'metric', 'architectures')
        return
    claim = config.claim('settings.kind', 'inverse_depth', 'architectures')
    # Those of DPT that were trained for one place give meters, and nothing in the file says so.
    yield replace(claim, sure='depth_estimation_type' in config)


def _points(config: Document, architecture: str) -> Iterator[Claim]:
    """Yields how `post_process_pose_estimation` reads the points, their names and bones."""
    if architecture == 'VitPoseForPoseEstimation':
        yield config.claim('settings.points', 'heatmaps', 'architectures')
        yield config.claim('settings.points_options.udp', True, 'architectures')
    names = tuple('_'.join(name.split()) for name in _names(config))
    if not names:
        return
    yield config.claim('settings.keypoint_names', names, 'id2label')
    if 'edges' in config:
        yield config.claim('settings.skeleton', _bones(config, names), 'edges')


def _bones(config: Document, names: tuple[str, ...]) -> tuple[str, ...]:
    numbered = dict(enumerate(names))
    try:
        return tuple(f'{numbered[a]} {numbered[b]}' for a, b in config.get('edges'))
    except (TypeError, ValueError, KeyError) as error:
        raise config.wrong('edges', f'pairs of numbers from 0 to {len(names) - 1}') from error


def _picture(said: Document) -> Iterator[Claim]:
    for key, (value, of) in encode_of(said).items():
        yield said.claim(f'encode.{key}', value, of)
    size = size_of(said)
    if size is not None:
        yield said.claim('size', size, 'crop_size' if 'crop_size' in said else 'size')
