"""Arguments of launch files: declared once, checked, and turned into parameters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from ml_integration.core.declaration import settings_of
from ml_integration.errors import SettingError
from ml_integration.ros.node.limits import STRICTER
from ml_integration.ros.node.parameters import AUTHORITIES, InferenceNodeParameters
from ml_integration.ros.node.qos import SENSOR_QOS
from ml_integration.ros.node.strangers import Assignment, stray_sentences
from ml_integration.store.state.parameter_file import read_sections, values_for
from ml_integration.store.state.places import expanded
from ml_integration.store.trust.policy import POLICIES

BOOLS = ('true', 'false', 'True', 'False')
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
SETTINGS = {setting.name: setting for setting in settings_of(InferenceNodeParameters)}


@dataclass(frozen=True, slots=True)
class Argument:
    """Argument of a launch file.

    Attributes:
        name: as in `name:=value`.
        default: its value where none is given, or what makes one; None: it has to be given.
        text: what it is for.
        choices: the allowed values; empty: any.
    """

    name: str
    default: Any
    text: str
    choices: Sequence[str] = ()

    def declare(self) -> DeclareLaunchArgument:
        """Makes the action that declares it."""
        return DeclareLaunchArgument(
            self.name,
            default_value=self.default,
            description=self.text,
            choices=list(self.choices) or None,
        )


PARAMS_FILE = Argument(
    'params_file',
    PathJoinSubstitution([FindPackageShare('ml_integration'), 'config', 'inference_node.yaml']),
    'YAML file with parameters of the inference nodes; arguments that are given count more.',
)
LOG_LEVEL = Argument('log_level', 'info', 'How much is logged.', LOG_LEVELS)
MODEL = (
    Argument(
        'model', '', 'Model to serve: name, name@version or name@latest; empty: as in params_file.'
    ),
    Argument(
        'model_path',
        '',
        "Folders that hold models, separated by ':'; empty: as in params_file.",
    ),
    Argument('state_dir', '', 'Folder for what survives a restart; empty: as in params_file.'),
    Argument(
        'integrity',
        '',
        'What a model has to show; empty: as in params_file.',
        ('', *POLICIES),
    ),
    Argument('trusted_keys_dir', '', 'Folder with the public keys; empty: as in params_file.'),
    Argument(
        'swap_authority',
        '',
        'What changes the model; empty: as in params_file.',
        ('', *AUTHORITIES),
    ),
    Argument(
        'image_transport',
        '',
        'How pictures come: raw, compressed or compressedDepth; empty: as in params_file.',
    ),
    Argument(
        'sensor_qos',
        '',
        'Subscription to the images; empty: as in params_file.',
        ('', *SENSOR_QOS),
    ),
)
"""Arguments that are parameters of the inference node; empty ones leave params_file alone."""


def value(context: LaunchContext, name: str) -> str:
    """Returns what an argument has been given."""
    text: str = LaunchConfiguration(name).perform(context)
    return text


def parameters_file(context: LaunchContext) -> str:
    """Returns the argument `params_file`.

    Raises:
        SettingError: there is no such file; launch would go on without it.
    """
    file = value(context, PARAMS_FILE.name)
    if not Path(file).is_file():
        what = 'this is a folder' if Path(file).is_dir() else 'there is no such file'
        raise SettingError(
            'params_file',
            file,
            '',
            where=f'params_file:={file}',
            what=what,
            hint='Start from config/inference_node.yaml of this package.',
        )
    return file


def given(context: LaunchContext, arguments: Iterable[Argument] = MODEL) -> dict[str, Any]:
    """Returns parameters by name for the arguments that are not empty; files as full paths."""
    texts = {item.name: value(context, item.name) for item in arguments}
    return {name: in_full(name, text) for name, text in texts.items() if text}


def in_full(name: str, text: str) -> str:
    """Returns the value of a parameter that names files such that it holds in every folder."""
    match SETTINGS[name].rule.files:
        case 'several':
            return os.pathsep.join(map(full_path, text.split(os.pathsep)))
        case 'one':
            return full_path(text)
    return text


def full_path(text: str) -> str:
    """Returns an absolute path; '~' is the home folder, and nothing stays nothing."""
    return str(expanded(text, 'the path', 'launch').absolute()) if text else ''


def file_parameters(file: str, node: str) -> dict[str, Any]:
    """Returns the parameters of a node in a file as launch hands them to a container.

    Launch itself knows no patterns but `/**`, takes the text 'off' for a bool, and cannot hand
    over an empty list.
    """
    return {
        name: ParameterValue(item, value_type=str) if isinstance(item, str) else item
        for name, item in values_for(node, read_sections(Path(file))).items()
        if item != []
    }


def strays(file: str, nodes: Sequence[str]) -> list[LogInfo]:
    """Returns what to say of a file whose values reach none of the nodes."""
    given = [Assignment(file, read_sections(Path(file)))]
    return [LogInfo(msg=f'[WARN] {text}') for text in stray_sentences(given, nodes)]


def file_values(file: str) -> Iterator[tuple[str, str]]:
    """Yields names and values of an inference node's parameters in a file that are text."""
    for section in read_sections(Path(file)):
        for name, text in section.values.items():
            if name in SETTINGS and isinstance(text, str):
                yield name, text


def named_files(values: Iterable[tuple[str, str]]) -> set[str]:
    """Returns the files and folders that parameters name, as full paths."""
    named = {in_full(name, text) for name, text in values if text and SETTINGS[name].rule.files}
    return {part for paths in named for part in paths.split(os.pathsep)}


def strictest(name: str, values: Iterable[tuple[str, str]]) -> str:
    """Returns the strictest value of `integrity` or `swap_authority`; the default if none."""
    order, default = STRICTER[name], SETTINGS[name].default
    return max(
        (text for given_name, text in values if given_name == name and text in order),
        key=order.index,
        default=str(default),
    )
