"""Plays a video and detects what is in it.

ros2 launch ml_integration demo.launch.py source:=/path/to/video.mp4
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, ThisLaunchFileDir
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ml_integration.ros.messages import fast_dds

ARGUMENTS = (
    ('source', None, 'Video file, picture, or folder of pictures.'),
    ('rate_hz', '0.0', "Frames per second; 0: the video's own rate, 30 for pictures."),
    ('model', 'coco_yolov3_tiny', 'Model to serve: name, name@version or name@latest.'),
    ('image_topic', '/image', 'Topic that carries the video.'),
)


def generate_launch_description() -> LaunchDescription:
    """The arguments, a player and what `inference.launch.py` starts."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, default, text in ARGUMENTS
    ]
    detector = IncludeLaunchDescription(
        PythonLaunchDescriptionSource([ThisLaunchFileDir(), '/inference.launch.py']),
        launch_arguments={
            'node_name': 'detector',
            'model': LaunchConfiguration('model'),
            'image_topic': LaunchConfiguration('image_topic'),
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
        additional_env=fast_dds.environment(),
        output='screen',
    )
    return LaunchDescription([*declared, detector, player])
