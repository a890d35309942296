"""Runs a detector per camera in one process; with a video, the cameras as well.

ros2 launch ml_integration composed.launch.py cameras:=2 image_topic:=image_raw
ros2 launch ml_integration composed.launch.py cameras:=4 source:=/path/to/video.mp4

Camera 0 has the namespace /camera_0: topic /camera_0/image, detector /camera_0/detector, ...
"""

import os
from pathlib import Path
from typing import Any

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import ComposableNodeContainer
from launch_ros.descriptions import ComposableNode
from launch_ros.parameter_descriptions import ParameterValue

from ml_integration.errors import SettingError
from ml_integration.ros.launching.arguments import (
    BOOLS,
    LOG_LEVEL,
    MODEL,
    PARAMS_FILE,
    Argument,
    file_parameters,
    file_values,
    full_path,
    given,
    named_files,
    parameters_file,
    strays,
    strictest,
    value,
)
from ml_integration.ros.messages import fast_dds
from ml_integration.store.state.places import share_folder

ARGUMENTS = (
    Argument('cameras', '2', 'How many; their namespaces are /camera_0, /camera_1, ...'),
    Argument('image_topic', 'image', "Topic of the images, in the camera's namespace."),
    Argument(
        'source',
        '',
        'Video file, picture, or folder of pictures to play; empty: real cameras.',
    ),
    Argument(
        'rate_hz', '0.0', "Frames per second to play; 0: the video's own rate, 30 for pictures."
    ),
    *MODEL,
    PARAMS_FILE,
    Argument('intra_process', 'true', 'Hand images over inside the process.', BOOLS),
    Argument('container_name', 'ml_container', 'Name of the process for ros2 component.'),
    Argument(
        'allowed_plugins',
        'ml_integration::InferenceNode,ml_integration::VideoPlayer',
        'Plug-ins that may be loaded, also later, separated by commas; * stands for any text.',
    ),
    Argument(
        'allowed_folders',
        '',
        "Folders that nodes may use besides those that are named here, separated by ':'.",
    ),
    LOG_LEVEL,
)


def generate_launch_description() -> LaunchDescription:
    """What to start, and with which arguments."""
    declared = [argument.declare() for argument in ARGUMENTS]
    return LaunchDescription([*declared, OpaqueFunction(function=container)])


def container(context: LaunchContext) -> list[Action]:
    """The process with the nodes of all cameras."""
    cameras = range(number_of_cameras(value(context, 'cameras')))
    source = full_path(value(context, 'source'))
    composed = ComposableNodeContainer(
        package='ml_integration',
        executable='component_container',
        name=LaunchConfiguration('container_name'),
        namespace='',
        parameters=[limits(context, source)],
        composable_node_descriptions=[
            *(detector(number, context) for number in cameras),
            *(player(number, source) for number in (cameras if source else ())),
        ],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        additional_env=fast_dds.environment(),
        output='screen',
    )
    names = [detector_name(number) for number in cameras]
    return [*(strays(parameters_file(context), names) if names else ()), composed]


def number_of_cameras(text: str) -> int:
    """The argument `cameras`."""
    if not text.isdecimal():
        raise SettingError('cameras', text, 'how many there are: 0, 1, 2, ...', where='launch')
    return int(text)


def limits(context: LaunchContext, source: str) -> dict[str, Any]:
    """What anybody may load into the process: no more than is named to this file."""
    values = [*given(context).items(), *file_values(parameters_file(context))]
    files = [source, *map(full_path, value(context, 'allowed_folders').split(os.pathsep))]
    # What came with the package may be used by everybody; launch can hand over no empty list.
    files += [str(share_folder() or Path('/nowhere')), *named_files(values)]
    plugins = value(context, 'allowed_plugins').split(',')
    return {
        'allowed_plugins': [plugin.strip() for plugin in plugins],
        'allowed_folders': sorted(set(filter(None, files))),
        'integrity': ParameterValue(strictest('integrity', values), value_type=str),
        'swap_authority': ParameterValue(strictest('swap_authority', values), value_type=str),
    }


def detector_name(number: int) -> str:
    """The full name of the inference node of a camera."""
    return f'/camera_{number}/detector'


def detector(number: int, context: LaunchContext) -> ComposableNode:
    """The inference node of a camera."""
    chosen = {name: ParameterValue(text, value_type=str) for name, text in given(context).items()}
    of_file = file_parameters(parameters_file(context), detector_name(number))
    parameters = [{**of_file, 'autostart': True, **chosen}]
    return component('InferenceNode', 'detector', number, parameters)


def player(number: int, source: str) -> ComposableNode:
    """The video that takes the place of a camera."""
    parameters = {
        'autostart': True,
        'source': ParameterValue(source, value_type=str),
        'rate_hz': ParameterValue(LaunchConfiguration('rate_hz'), value_type=float),
        'frame_id': f'camera_{number}',
    }
    return component('VideoPlayer', 'video_player', number, [parameters])


def component(plugin: str, name: str, number: int, parameters: list[Any]) -> ComposableNode:
    """A node in the namespace of a camera."""
    intra_process = ParameterValue(LaunchConfiguration('intra_process'), value_type=bool)
    return ComposableNode(
        package='ml_integration',
        plugin=f'ml_integration::{plugin}',
        name=name,
        namespace=f'/camera_{number}',
        parameters=parameters,
        remappings=[('image', LaunchConfiguration('image_topic'))],
        extra_arguments=[{'use_intra_process_comms': intra_process}],
    )
