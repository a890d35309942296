"""Starts an inference node and brings it up to active.

ros2 launch ml_integration inference.launch.py image_topic:=/camera/image_raw model:=NAME@1
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from ml_integration.ros.messages import fast_dds

RESPAWN_DELAY_S = 1.0
PARAMETERS = PathJoinSubstitution(
    [FindPackageShare('ml_integration'), 'config', 'inference_node.yaml']
)
ARGUMENTS = (
    ('model', '', 'Model to serve: name, name@version or name@latest; empty: as in params_file.'),
    ('params_file', PARAMETERS, 'YAML file with parameters.'),
    ('namespace', '', "The node's namespace."),
    ('node_name', 'inference_node', "The node's name."),
    ('image_topic', 'image', 'Topic to take images from.'),
    ('autostart', 'true', 'Configure and activate by itself, also after a respawn.'),
    ('log_level', 'info', 'debug, info, warn, error or fatal.'),
    ('respawn', 'true', 'Start the process again when it ends by itself, as by a crash.'),
)


def generate_launch_description() -> LaunchDescription:
    """The arguments and the node."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, default, text in ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=inference_node)])


def inference_node(context: LaunchContext) -> list[Node]:
    """The node, once the arguments are known."""
    # An empty model would hide the one in the file.
    model = LaunchConfiguration('model').perform(context)
    autostart = ParameterValue(LaunchConfiguration('autostart'), value_type=bool)
    overrides = {
        'autostart': autostart,
        **({'model': ParameterValue(model, value_type=str)} if model else {}),
    }
    node = Node(
        package='ml_integration',
        executable='inference_node',
        name=LaunchConfiguration('node_name'),
        namespace=LaunchConfiguration('namespace'),
        parameters=[LaunchConfiguration('params_file'), overrides],
        remappings=[('image', LaunchConfiguration('image_topic'))],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        respawn=LaunchConfiguration('respawn'),
        respawn_delay=RESPAWN_DELAY_S,
        additional_env=fast_dds.environment(),
        output='screen',
    )
    return [node]
