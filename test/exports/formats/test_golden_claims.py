"""What each format says of an export is what its exporter does with it."""

from __future__ import annotations

from typing import Any

import pytest
from exports_made import (
    COLORS,
    DETR_CONFIG,
    DETR_PROCESSOR,
    LABEL_MAP,
    NN_ARCHIVE,
    OTX,
    ROBOFLOW,
    TRITON,
    ULTRALYTICS,
    VIT_PROCESSOR,
    claims_of,
    export,
)

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import ExportError
from ml_integration.exports.claims_of_formats import read_export
from ml_integration.exports.export import Export
from ml_integration.ops.picture_input import PreprocessSettings

IMAGENET = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
PIXELS = {'mean': (123.675, 116.28, 103.53), 'std': (58.395, 57.12, 57.375)}
PLAIN = {'scale': 255.0, 'mean': (0.0,), 'std': (1.0,)}
PROCESSED = {'color': 'rgb', 'resampling': 'pillow', 'rounding': 'transformers'}


def encode(of: Export) -> dict[str, Any]:
    """The claimed settings of the encoder, which are ones that it has."""
    said = claims_of(of).below('encode.')
    build(PreprocessSettings, said, 'test')
    return said


def ultralytics(**changes: str) -> Export:
    return export(metadata={**ULTRALYTICS, **changes})


def processor(changes: dict[str, Any], of: dict[str, Any] = VIT_PROCESSOR) -> Export:
    config = {'architectures': ['XForImageClassification'], 'model_type': 'x'}
    said = {key: value for key, value in {**of, **changes}.items() if value != 'left out'}
    return export({'config.json': config, 'preprocessor_config.json': said})


def test_ultralytics_detectors() -> None:
    claims = claims_of(ultralytics())
    assert claims.value('labels') == ('red', 'green', "don't")
    assert claims.value('task') == 'object_detection'
    assert claims.value('size') == (640, 384)
    assert claims.value('license') == ULTRALYTICS['license']
    assert claims.value('description') == ULTRALYTICS['description']
    assert claims.value('origin') == 'Ultralytics 8.3.0'
    assert claims.get('settings.decoder') is None
    letterbox = {**PLAIN, 'resize': 'letterbox', 'color': 'rgb', 'pad_value': 114.0}
    assert encode(ultralytics()) == letterbox
    assert encode(ultralytics(channels='1'))['color'] == 'gray'


@pytest.mark.parametrize(
    ('task', 'word'),
    [('segment', 'instance_segmentation'), ('pose', 'keypoints')],
)
def test_ultralytics_tasks_that_are_no_detection(task: str, word: str) -> None:
    assert claims_of(ultralytics(task=task)).value('task') == word


def test_ultralytics_rotated_boxes_are_detections() -> None:
    for more in ({}, {'end2end': 'True'}):
        claims = claims_of(ultralytics(task='obb', **more))
        assert claims.value('task') == 'object_detection'
        assert claims.value('settings.decoder') == 'yolo_obb'


@pytest.mark.parametrize('more', [{'end2end': 'True'}, {'args': "{'nms': True}"}])
def test_ultralytics_detectors_that_end_with_boxes(more: dict[str, str]) -> None:
    assert claims_of(ultralytics(**more)).value('settings.decoder') == 'end_to_end'


def test_ultralytics_classifiers_are_cut_and_not_letterboxed() -> None:
    said = ultralytics(task='classify', imgsz='224')
    assert claims_of(said).value('size') == (224, 224)
    crop = {'resize': 'crop', 'crop_ratio': 1.0, 'shortest_edge': 224, 'resampling': 'pillow'}
    assert encode(said) == {**PLAIN, **crop, 'color': 'rgb'}


def test_yolov5_says_names_and_stride_only() -> None:
    metadata = {'stride': '32', 'names': "['red', 'green']"}
    claims = claims_of(export(metadata=metadata))
    assert claims.value('labels') == ('red', 'green')
    assert claims.get('task') is None
    assert encode(export(metadata=metadata))['resize'] == 'letterbox'
    classifier = export(metadata=metadata, outputs=(TensorSpec('y', 'float32', (1, 2)),))
    assert encode(classifier)['mean'] == IMAGENET['mean']
    assert encode(classifier)['resize'] == 'crop'


def test_detr_of_hugging_face() -> None:
    made = export(
        {'config.json': DETR_CONFIG, 'preprocessor_config.json': DETR_PROCESSOR},
        model='onnx/model.onnx',
    )
    claims = claims_of(made)
    assert claims.value('task') == 'object_detection'
    assert claims.value('labels') == ('red', 'N/A', 'blue')
    assert claims.value('origin') == 'Hugging Face: someone/detr-colors'
    assert claims.get('size') is None  # it follows from the picture
    assert claims.value('settings.decoder') == 'boxes_and_scores'
    assert claims.below('settings.decoder_options.') == {
        'box_format': 'cxcywh', 'normalized': True, 'nms': False, 'activation': 'softmax',
        'background': 'last', 'top_k': 0,
    }  # fmt: skip
    edges = {'resize': 'shortest_edge', 'shortest_edge': 800, 'longest_edge': 1333}
    zeros = {'pad_value': 0.0, 'pad_normalized': True}
    assert encode(made) == {
        **PROCESSED, **IMAGENET, **edges, **zeros, 'scale': 255.0, 'interpolation': 'linear',
    }  # fmt: skip


@pytest.mark.parametrize(
    ('architecture', 'top_k', 'activation'),
    [
        ('YolosForObjectDetection', 0, 'softmax'),
        ('ConditionalDetrForObjectDetection', 100, 'sigmoid'),
        ('DeformableDetrForObjectDetection', 100, 'sigmoid'),
        ('RTDetrForObjectDetection', 250, 'sigmoid'),
        ('RTDetrV2ForObjectDetection', 250, 'sigmoid'),
        ('DFineForObjectDetection', 250, 'sigmoid'),
    ],
)
def test_each_family_of_detectors_is_read_its_way(
    architecture: str, top_k: int, activation: str
) -> None:
    config = {**DETR_CONFIG, 'architectures': [architecture], 'num_queries': 250}
    options = claims_of(export({'config.json': config})).below('settings.decoder_options.')
    assert (options['top_k'], options['activation']) == (top_k, activation)


@pytest.mark.parametrize(
    ('architecture', 'task'),
    [
        ('ViTForImageClassification', 'classification'),
        ('SegformerForSemanticSegmentation', 'segmentation'),
        ('Mask2FormerForUniversalSegmentation', 'segmentation_by_queries'),
        ('MaskFormerForInstanceSegmentation', 'segmentation_by_queries'),
        ('DetrForSegmentation', 'segmentation_by_queries'),
        ('DPTForDepthEstimation', 'depth_estimation'),
        ('VitPoseForPoseEstimation', 'keypoints'),
        ('Dinov2Model', None),
    ],
)
def test_the_task_follows_from_the_architecture(architecture: str, task: str | None) -> None:
    claims = claims_of(export({'config.json': {'architectures': [architecture]}}))
    assert claims.value('task') == task
    assert claims.value('settings.softmax') == (True if task == 'classification' else None)


def test_a_folder_for_several_true_classes_says_so() -> None:
    config = {
        'architectures': ['ViTForImageClassification'],
        'problem_type': 'multi_label_classification',
    }
    claims = claims_of(export({'config.json': config}))
    assert claims.value('task') == 'classification'
    assert claims.below('settings.') == {'multi_label': True, 'sigmoid': True}


@pytest.mark.parametrize(
    ('family', 'more', 'kind', 'sure'),
    [
        ('DPT', {}, 'inverse_depth', False),
        ('DepthAnything', {'depth_estimation_type': 'relative'}, 'inverse_depth', True),
        ('DepthAnything', {'depth_estimation_type': 'metric', 'max_depth': 20}, 'metric', True),
        ('GLPN', {}, 'metric', True),
        ('ZoeDepth', {}, 'metric', True),
    ],
)
def test_what_a_depth_is_follows_from_the_architecture(
    family: str, more: dict[str, Any], kind: str, sure: bool
) -> None:
    config = {'architectures': [f'{family}ForDepthEstimation'], **more}
    claims = claims_of(export({'config.json': config}))
    said = claims.get('settings.kind')
    assert said is not None and (said.value, said.sure) == (kind, sure)
    assert claims.value('settings.upsampling') == 'cubic'


VITPOSE = {
    'architectures': ['VitPoseForPoseEstimation'], 'model_type': 'vitpose',
    'edges': [[0, 1], [1, 2]], 'id2label': {'0': 'Nose', '1': 'L_Eye', '2': 'L Ear'},
}  # fmt: skip


def test_names_of_a_pose_model_are_those_of_its_points() -> None:
    cut = {
        'image_processor_type': 'VitPoseImageProcessor', 'do_affine_transform': True,
        'size': {'height': 256, 'width': 192}, 'image_mean': [0.5] * 3, 'image_std': [0.2] * 3,
    }  # fmt: skip
    claims = claims_of(export({'config.json': VITPOSE, 'preprocessor_config.json': cut}))
    assert claims.get('labels') is None
    assert claims.value('settings.keypoint_names') == ('Nose', 'L_Eye', 'L_Ear')
    assert claims.value('settings.skeleton') == ('Nose L_Eye', 'L_Eye L_Ear')
    assert claims.value('settings.points') == 'heatmaps'
    assert claims.below('settings.points_options.') == {'udp': True}
    assert claims.value('size') == (192, 256)
    assert encode(export({'config.json': VITPOSE, 'preprocessor_config.json': cut})) == {
        'resize': 'letterbox', 'pad_value': 0.0, 'color': 'rgb', 'scale': 255.0,
        'mean': (0.5,) * 3, 'std': (0.2,) * 3, 'rounding': 'transformers',
    }  # fmt: skip


@pytest.mark.parametrize(
    'edges', [[[0, 3]], [[-1, 0]], [[0, 1, 2]], [0, 1], 3, [[[0], 1]], [['Nose', 'L_Eye']]]
)
def test_edges_of_a_skeleton_that_make_no_sense_are_refused(edges: Any) -> None:
    with pytest.raises(ExportError, match=r"'edges' of config\.json makes no sense"):
        claims_of(export({'config.json': {**VITPOSE, 'edges': edges}}))


def test_labels_that_say_nothing_are_none() -> None:
    config = {'architectures': ['X'], 'id2label': {'0': 'LABEL_0', '1': 'LABEL_1'}}
    assert claims_of(export({'config.json': config})).get('labels') is None


@pytest.mark.parametrize(
    ('changes', 'expected', 'size'),
    [
        ({}, {'resize': 'stretch', 'interpolation': 'linear'}, (224, 224)),
        ({'size': 240, 'resample': 3}, {'resize': 'stretch', 'interpolation': 'cubic'},
         (240, 240)),
        (
            {'size': 224, 'crop_size': 192, 'do_center_crop': True,
             'image_processor_type': 'CLIPImageProcessor'},
            {'resize': 'crop', 'shortest_edge': 224, 'pad_value': 0.0},
            (192, 192),
        ),
        (
            {'size': {'height': 256, 'width': 256}, 'crop_size': {'height': 224, 'width': 224},
             'do_center_crop': True},
            {'resize': 'stretch_crop', 'crop_ratio': 0.875},
            (224, 224),
        ),
        (
            {'size': {'shortest_edge': 224}, 'image_processor_type': 'ConvNextImageProcessor'},
            {'resize': 'crop', 'crop_ratio': 0.875},
            (224, 224),
        ),
        (
            {'size': {'shortest_edge': 384}, 'image_processor_type': 'ConvNextFeatureExtractor'},
            {'resize': 'stretch'},
            (384, 384),
        ),
        (
            {'size': 800, 'max_size': 1200, 'feature_extractor_type': 'DetrFeatureExtractor',
             'image_processor_type': None, 'do_pad': False},
            {'resize': 'shortest_edge', 'shortest_edge': 800, 'longest_edge': 1200},
            None,
        ),
        (
            {'size': {'shortest_edge': 512}, 'image_processor_type': 'YolosImageProcessor',
             'pad_size': {'height': 800, 'width': 900}},
            {'resize': 'shortest_edge', 'resize_multiple': 16, 'pad_normalized': True},
            (900, 800),
        ),
        (
            {'size': {'longest_edge': 1024}, 'pad_size': {'height': 1024, 'width': 1024}},
            {'resize': 'letterbox_topleft', 'pad_value': 0.0},
            (1024, 1024),
        ),
        (
            {'size': 'left out', 'size_divisor': 32,
             'image_processor_type': 'GLPNImageProcessor'},
            {'resize': 'none', 'resize_multiple': 32},
            None,
        ),
        ({'do_rescale': False}, {'scale': 1.0, 'mean': (0.5,) * 3}, (224, 224)),
        ({'do_normalize': False}, {'scale': 255.0, 'mean': (0.0,), 'std': (1.0,)}, (224, 224)),
        (
            {'rescale_factor': 1 / 127.5, 'rescale_offset': True, 'do_normalize': False},
            {'scale': 127.5, 'mean': (1.0,)},
            (224, 224),
        ),
        (
            {'image_processor_type': 'EfficientNetImageProcessor'},  # divides by std twice
            {'mean': (0.5,) * 3, 'std': (0.25,) * 3},
            (224, 224),
        ),
        ({'do_resize': False}, {'resize': 'none'}, None),
        (
            {'image_processor_type': 'DPTImageProcessor', 'keep_aspect_ratio': True,
             'size': {'height': 384, 'width': 512}},
            {'resize': 'one_side', 'to_width': 512, 'to_height': 384, 'resize_multiple': 1},
            None,
        ),
        ({'do_flip_channel_order': True}, {'color': 'bgr'}, (224, 224)),
    ],
)  # fmt: skip
def test_image_processors(
    changes: dict[str, Any], expected: dict[str, Any], size: tuple[int, int] | None
) -> None:
    made = processor(changes)
    assert {key: encode(made)[key] for key in expected} == expected
    assert claims_of(made).value('size') == size


@pytest.mark.parametrize(
    'changes',
    [
        {'resample': 5}, {'resample': 'x'}, {'size': {'width': 0, 'height': 3}},
        {'size': {'max_height': 3, 'max_width': 3}}, {'rescale_factor': 0},
        {'image_std': [0, 1, 1]}, {'image_mean': [None]}, {'keep_aspect_ratio': True},
        {'do_resize': False, 'do_center_crop': True, 'crop_size': 3}, {'do_resize': 'perhaps'},
        {'crop_size': {'height': 10, 'width': 224}, 'do_center_crop': True},
    ],
)  # fmt: skip
def test_processors_that_no_encoder_follows_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ExportError, match=r'preprocessor_config\.json'):
        claims_of(processor(changes))


def test_packages_of_roboflow() -> None:
    names = {'class_names.txt': b'red\ngreen\nblue\n', 'inference_config.json': ROBOFLOW}
    claims = claims_of(export({**names, 'model_type.json': {'task_type': 'object-detection'}}))
    assert claims.value('labels') == COLORS
    assert claims.value('task') == 'object_detection'
    assert claims.value('size') == (640, 432)
    assert encode(export(names)) == {
        **IMAGENET, 'resize': 'letterbox', 'pad_value': 127.0, 'color': 'rgb', 'scale': 255.0,
    }  # fmt: skip


def test_older_packages_of_roboflow() -> None:
    steps = '{"resize": {"width": 416, "height": 416, "format": "Fit (black edges) in"}}'
    made = export({'environment.json': {'CLASS_LIST': list(COLORS), 'PREPROCESSING': steps}})
    assert claims_of(made).value('labels') == COLORS
    assert claims_of(made).value('size') == (416, 416)
    assert encode(made) == {'resize': 'letterbox', 'pad_value': 0.0}


@pytest.mark.parametrize('step', ['static-crop', 'contrast', 'grayscale'])
def test_preprocessing_of_roboflow_that_nothing_here_does_is_refused(step: str) -> None:
    config = {**ROBOFLOW, 'image_pre_processing': {step: {'enabled': True}}}
    with pytest.raises(ExportError, match='which no setting here does'):
        claims_of(export({'inference_config.json': config}))


def test_nn_archives() -> None:
    claims = claims_of(export({'config.json': NN_ARCHIVE}))
    assert claims.value('labels') == COLORS
    assert claims.value('task') == 'object_detection'
    assert claims.value('size') == (640, 352)
    assert claims.value('settings.score_threshold') == 0.4
    assert claims.value('settings.iou_threshold') == 0.5
    assert encode(export({'config.json': NN_ARCHIVE})) == {
        **PIXELS, 'scale': 1.0, 'layout': 'nchw', 'color': 'rgb',
    }  # fmt: skip


@pytest.mark.parametrize(
    ('said', 'expected'),
    [
        ({'scale': [255, 255, 255]}, {'scale': 255.0, 'mean': (0.0,), 'std': (1.0,)}),
        ({'reverse_channels': False}, {'color': 'bgr'}),
        ({'reverse_channels': True, 'dai_type': 'BGR888p'}, {'color': 'bgr'}),
        ({'dai_type': 'GRAY8'}, {'color': 'gray'}),
    ],
)
def test_preprocessing_of_nn_archives(said: dict[str, Any], expected: dict[str, Any]) -> None:
    picture = {'input_type': 'image', 'preprocessing': said}
    made = export({'config.json': {'config_version': '1.0', 'model': {'inputs': [picture]}}})
    assert {key: encode(made)[key] for key in expected} == expected


def test_otx_metadata() -> None:
    claims = claims_of(export(metadata=OTX))
    assert claims.value('labels') == ('red', 'dark green', 'blue')
    assert claims.value('task') == 'object_detection'
    assert claims.value('settings.score_threshold') == 0.35
    assert encode(export(metadata=OTX)) == {
        **PIXELS, 'scale': 1.0, 'resize': 'letterbox', 'pad_value': 114.0, 'color': 'rgb',
    }  # fmt: skip
    several = {**OTX, 'model_info model_type': 'Classification', 'model_info multilabel': 'True'}
    claims = claims_of(export(metadata=several))
    assert claims.value('task') == 'classification'
    assert claims.value('settings.multi_label') is True
    levels = {**several, 'model_info hierarchical': 'True'}
    assert claims_of(export(metadata=levels)).value('task') == 'hierarchical_classification'


def test_folders_of_triton() -> None:
    names = {'config.pbtxt': TRITON, 'names.txt': b'red\ngreen\nblue'}
    claims = claims_of(export(names, model='1/model.onnx'))
    assert claims.value('labels') == COLORS
    assert claims.value('size') == (320, 240)
    assert claims.value('encode.layout') == 'nchw'
    with pytest.raises(ExportError, match=r'names\.txt, which is missing'):
        claims_of(export({'config.pbtxt': TRITON}))


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('data.yaml', b'train: a\nnc: 3\nnames: [red, green, blue]\n'),
        ('data.yaml', b'names:\n  0: red\n  1: green\n  2: blue\n'),
        ('classes.txt', b'\xef\xbb\xbfred\r\n green \r\nblue\r\n\r\n'),
        ('labels.txt', b'0 red\n1 green\n2 blue\n'),
        ('coco.names', b'red\ngreen\nblue'),
    ],
)
def test_class_names_beside_a_model(name: str, content: bytes) -> None:
    claim = claims_of(export({name: content})).get('labels')
    assert claim is not None
    assert claim.value == COLORS
    assert claim.source.startswith(name)


def test_label_maps_count_from_one() -> None:
    claims = claims_of(export({'label_map.pbtxt': LABEL_MAP}))
    assert claims.value('labels') == ('red', 'class_1', 'blue')
    assert claims.value('settings.decoder_options.class_offset') == 1


@pytest.mark.parametrize(
    ('files', 'sentence'),
    [
        ({'data.yaml': b'names: [a, b]\nnc: 3'}, "'nc' of data.yaml makes no sense"),
        ({'data.yaml': b'names: &x [a]'}, 'anchors are not supported'),
        ({'classes.txt': b'a\n\nb'}, 'line 2 of classes.txt is empty'),
        ({'classes.txt': b'\xff'}, 'classes.txt is no UTF-8 text'),
        ({'label_map.pbtxt': b'item { name: "a" }'}, 'an item without an id'),
        ({'config.pbtxt': b'input ['}, 'config.pbtxt cannot be read'),
        ({'config.json': b'{"architectures": [}'}, 'config.json is no JSON'),
        ({'config.json': b'{"model_type":' + b'[' * 100_000}, 'config.json is no JSON'),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    files: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ExportError) as caught:
        claims_of(export(files))
    assert sentence in str(caught.value)


def test_what_lies_in_other_folders_is_not_about_the_model() -> None:
    files = {'other/data.yaml': b'names: [a]', 'a/classes.txt': b'b'}
    assert not claims_of(export(files, model='m/model.onnx'))


def test_embedded_metadata_counts_more_and_the_conflict_is_told() -> None:
    made = export({'data.yaml': b'names: [a, b]'}, {'names': "['x', 'y']", 'stride': '32'})
    reading = read_export(made)
    assert reading.claims.value('labels') == ('x', 'y')
    assert reading.formats == ('Ultralytics metadata', 'class names beside the model')
    ((key, sentence),) = reading.conflicts
    assert key == 'labels'
    assert sentence.startswith("labels is ('x', 'y') by metadata: names, and ('a', 'b') by")


def test_an_export_that_says_nothing_has_no_claims() -> None:
    assert not claims_of(export({'notes.txt': b'hello', 'config.json': {'a': 1}}))
