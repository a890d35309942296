"""Starts an inference node and brings it up to active.

ros2 launch ml_integration inference.launch.py image_topic:=/camera/image_raw model:=NAME@1
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ml_integration.ros.launching.arguments import (
    BOOLS,
    LOG_LEVEL,
    MODEL,
    PARAMS_FILE,
    Argument,
    given,
    parameters_file,
    value,
)
from ml_integration.ros.launching.respawning import unless_unusable
from ml_integration.ros.messages import fast_dds

RESPAWN_DELAY_S = 1.0
SECOND_MODEL = Argument(
    'cascade.model', '', 'Second model, of the stage cascade; empty: as in params_file.'
)
ARGUMENTS = (
    *MODEL,
    PARAMS_FILE,
    Argument(
        'cameras',
        '',
        'Names of several cameras, separated by commas: topics <name>/image; empty: as in '
        'params_file.',
    ),
    Argument(
        'stages',
        '',
        'What works on the results, separated by commas, such as tracking,cascade; empty: as in '
        'params_file.',
    ),
    SECOND_MODEL,
    Argument('image_topic', 'image', 'Topic to take images from.'),
    Argument('namespace', '', "The node's namespace."),
    Argument('node_name', 'inference_node', "The node's name."),
    Argument(
        'autostart', 'true', 'Configure and activate by itself, also after a respawn.', BOOLS
    ),
    Argument('respawn', 'true', 'Start the process again when it ends, as by a crash.', BOOLS),
    LOG_LEVEL,
)


def generate_launch_description() -> LaunchDescription:
    """The arguments and the node."""
    declared = [argument.declare() for argument in ARGUMENTS]
    return LaunchDescription([*declared, OpaqueFunction(function=inference_node)])


def listed(context: LaunchContext, name: str) -> list[str]:
    """The items of an argument that are separated by commas."""
    return [item.strip() for item in value(context, name).split(',') if item.strip()]


def inference_node(context: LaunchContext) -> list[Node]:
    """The node, once the arguments are known."""
    arguments = (*MODEL, SECOND_MODEL)
    overrides = {
        'autostart': ParameterValue(LaunchConfiguration('autostart'), value_type=bool),
        **{
            name: ParameterValue(text, value_type=str)
            for name, text in given(context, arguments).items()
        },
        **{name: items for name in ('cameras', 'stages') if (items := listed(context, name))},
    }
    node = Node(
        package='ml_integration',
        executable='inference_node',
        name=LaunchConfiguration('node_name'),
        namespace=LaunchConfiguration('namespace'),
        parameters=[parameters_file(context), overrides],
        remappings=[('image', LaunchConfiguration('image_topic'))],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        respawn=LaunchConfiguration('respawn'),
        respawn_delay=RESPAWN_DELAY_S,
        on_exit=unless_unusable,
        additional_env=fast_dds.environment(),
        output='screen',
    )
    return [node]
