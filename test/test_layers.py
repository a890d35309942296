"""Imports point one way: errors <- core <- ops <- siblings <- deploy <- serving <- ros, cli."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'ml_integration'
SIBLINGS = ('sensors', 'encoders', 'tasks', 'stages', 'backends', 'store', 'recordings')
HALL = ('errors', 'core', 'ops', *SIBLINGS, 'deploy', 'serving')
BELOW = {
    'errors': (),
    'core': ('errors',),
    'ops': ('errors', 'core'),
    **dict.fromkeys(SIBLINGS, ('errors', 'core', 'ops')),
    'deploy': ('errors', 'core', 'ops', *SIBLINGS),
    'serving': ('errors', 'core', 'ops', *SIBLINGS, 'deploy'),
    'exports': ('errors', 'core', 'ops', *SIBLINGS, 'deploy'),
    'fleet': ('errors', 'core', 'ops', *SIBLINGS),
    'tuning': HALL,
    'ros': (*HALL, 'fleet', 'tuning'),
    'cli': (*HALL, 'exports', 'fleet', 'tuning'),
    'demos': (*HALL, 'exports', 'fleet', 'tuning', 'ros', 'cli'),
}
ROS = ('ros', 'demos')
HOMES = {'rclpy': ROS, 'onnxruntime': ('backends',), 'yaml': ('store',)}
MESSAGE_PACKAGES = ('_msgs', '_srvs', '_interfaces')


def imports(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = '.' * node.level + (node.module or '')
            found.append(prefix)
            found.extend(f'{prefix}.{alias.name}' for alias in node.names)
    return found


def layer_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix('.py')


def offences(layer: str, source: str) -> list[str]:
    """What a file of a layer imports and may not."""
    found = []
    for name in imports(source):
        root, *rest = name.split('.')
        if not root:
            found.append(f'{name} (relative)')
        elif root == 'ml_integration' and rest:
            if rest[0] in BELOW and rest[0] not in (*BELOW[layer], layer):
                found.append(name)
        elif layer not in HOMES.get(root, (layer,)) or (
            root.endswith(MESSAGE_PACKAGES) and layer not in ROS
        ):
            found.append(name)
    return found


FILES = sorted(file for file in PACKAGE.rglob('*.py') if file.parent != PACKAGE)


@pytest.mark.parametrize('file', FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_one_way(file: Path) -> None:
    found = offences(layer_of(file), file.read_text())
    sentence = '; '.join(f'{file.relative_to(PACKAGE)} imports {name}' for name in found)
    assert not found, sentence


def test_every_folder_is_a_known_layer() -> None:
    assert {layer_of(file) for file in FILES} <= set(BELOW)


@pytest.mark.parametrize(
    ('layer', 'source'),
    [
        ('core', 'import rclpy'),  # ROS below ros/
        ('core', 'from rclpy.node import Node'),  # the same, from
        ('tasks', 'from vision_msgs.msg import Detection2D'),  # messages below ros/
        ('tasks', 'from ml_integration.sensors.image import Image'),  # a sibling
        ('ops', 'from ml_integration import tasks'),  # upwards, as a name
        ('deploy', 'import onnxruntime as ort'),  # the engine outside its backend
        ('serving', 'from rclpy.node import Node'),  # the frame loop knows no ROS
        ('encoders', 'from ml_integration.sensors.imu import NAMES'),  # of frames, not messages
        ('cli', 'def f():\n    import yaml'),  # hidden in a function
        ('store', 'from . import manifest'),  # relative
    ],
)
def test_the_rule_catches(layer: str, source: str) -> None:
    assert offences(layer, source)
