"""Plays a video and detects what is in it.

ros2 launch ml_integration demo.launch.py source:=/path/to/video.mp4
"""

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, ThisLaunchFileDir
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ml_integration.ros.launching.arguments import LOG_LEVEL, MODEL, PARAMS_FILE, Argument
from ml_integration.ros.messages import fast_dds

ARGUMENTS = (
    Argument('source', None, 'Video file, picture, or folder of pictures.'),
    Argument('rate_hz', '0.0', "Frames per second; 0: the video's own rate, 30 for pictures."),
    Argument('model', 'coco_yolov3_tiny', 'Model to serve: name, name@version or name@latest.'),
    *(argument for argument in MODEL if argument.name != 'model'),
    PARAMS_FILE,
    Argument('image_topic', '/image', 'Topic that carries the video.'),
    LOG_LEVEL,
)
OWN = ('source', 'rate_hz')


def generate_launch_description() -> LaunchDescription:
    """The arguments, a player and what `inference.launch.py` starts."""
    handed_on = [argument.name for argument in ARGUMENTS if argument.name not in OWN]
    detector = IncludeLaunchDescription(
        PythonLaunchDescriptionSource([ThisLaunchFileDir(), '/inference.launch.py']),
        launch_arguments={
            'node_name': 'detector',
            **{name: LaunchConfiguration(name) for name in handed_on},
        }.items(),
    )
    player = Node(
        package='ml_integration',
        executable='video_player',
        name='video_player',
        parameters=[
            {
                'autostart': True,
                'source': ParameterValue(LaunchConfiguration('source'), value_type=str),
                'rate_hz': ParameterValue(LaunchConfiguration('rate_hz'), value_type=float),
            }
        ],
        remappings=[('image', LaunchConfiguration('image_topic'))],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        additional_env=fast_dds.environment(),
        output='screen',
    )
    declared = [argument.declare() for argument in ARGUMENTS]
    return LaunchDescription([*declared, detector, player])
