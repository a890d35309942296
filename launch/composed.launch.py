"""Runs a detector per camera in one process; with a video, the cameras as well.

ros2 launch ml_integration composed.launch.py cameras:=2 image_topic:=image_raw
ros2 launch ml_integration composed.launch.py cameras:=4 source:=/path/to/video.mp4

Camera 0 has the namespace /camera_0: topic /camera_0/image, detector /camera_0/detector, ...
"""

from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import ComposableNodeContainer
from launch_ros.descriptions import ComposableNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from ml_integration.ros.messages import fast_dds

PARAMETERS = PathJoinSubstitution(
    [FindPackageShare('ml_integration'), 'config', 'inference_node.yaml']
)
ARGUMENTS = (
    ('cameras', '2', 'How many; their namespaces are /camera_0, /camera_1, ...'),
    ('image_topic', 'image', "Topic of the images, in the camera's namespace."),
    ('source', '', 'Video file, picture, or folder of pictures to play; empty: real cameras.'),
    ('rate_hz', '0.0', "Frames per second to play; 0: the video's own rate, 30 for pictures."),
    ('model', '', 'Model to serve: name, name@version or name@latest; empty: as in params_file.'),
    ('params_file', PARAMETERS, 'YAML file with parameters of the detectors.'),
    ('intra_process', 'true', 'Hand images over inside the process.'),
    ('container_name', 'ml_container', 'Name of the process for ros2 component.'),
    ('log_level', 'info', 'debug, info, warn, error or fatal.'),
)


def generate_launch_description() -> LaunchDescription:
    """What to start, and with which arguments."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, default, text in ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=container)])


def container(context: LaunchContext) -> list[ComposableNodeContainer]:
    """The process with the nodes of all cameras."""
    cameras = range(int(LaunchConfiguration('cameras').perform(context)))
    players = cameras if LaunchConfiguration('source').perform(context) else ()
    composed = ComposableNodeContainer(
        package='ml_integration',
        executable='component_container',
        name=LaunchConfiguration('container_name'),
        namespace='',
        composable_node_descriptions=[
            *(detector(number, context) for number in cameras),
            *(player(number) for number in players),
        ],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        additional_env=fast_dds.environment(),
        output='screen',
    )
    return [composed]


def detector(number: int, context: LaunchContext) -> ComposableNode:
    """The inference node of a camera."""
    # An empty model would hide the one in the file.
    model = LaunchConfiguration('model').perform(context)
    chosen = {'model': ParameterValue(model, value_type=str)} if model else {}
    return component('InferenceNode', 'detector', number, [
        LaunchConfiguration('params_file'), {'autostart': True, **chosen},
    ])  # fmt: skip


def player(number: int) -> ComposableNode:
    """The video that takes the place of a camera."""
    parameters = {
        'autostart': True,
        'source': ParameterValue(LaunchConfiguration('source'), value_type=str),
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
