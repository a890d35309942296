"""Starts a monitor of all nodes of this robot, which brings itself up to active.

ros2 launch ml_integration monitor.launch.py prometheus_port:=9464
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from ml_integration.ros.launching.arguments import (
    BOOLS,
    LOG_LEVEL,
    Argument,
    full_path,
    parameters_file,
    value,
)
from ml_integration.ros.launching.respawning import unless_unusable

RESPAWN_DELAY_S = 1.0
ARGUMENTS = (
    Argument(
        'params_file',
        PathJoinSubstitution(
            [FindPackageShare('ml_integration'), 'config', 'performance_monitor.yaml']
        ),
        'YAML file with parameters of the monitor; arguments that are given count more.',
    ),
    Argument('state_dir', '', 'Folder for what survives a restart; empty: as in params_file.'),
    Argument('prometheus_port', '', 'TCP port for Prometheus; empty: as in params_file.'),
    Argument('prometheus_address', '', 'Address that it listens on; empty: as in params_file.'),
    Argument('namespace', '', "The node's namespace."),
    Argument('node_name', 'performance_monitor', "The node's name."),
    Argument(
        'autostart', 'true', 'Configure and activate by itself, also after a respawn.', BOOLS
    ),
    Argument('respawn', 'true', 'Start the process again when it ends, as by a crash.', BOOLS),
    LOG_LEVEL,
)


def generate_launch_description() -> LaunchDescription:
    """The arguments and the node."""
    declared = [argument.declare() for argument in ARGUMENTS]
    return LaunchDescription([*declared, OpaqueFunction(function=monitor)])


def monitor(context: LaunchContext) -> list[Node]:
    """The node, once the arguments are known."""
    texts = {
        'state_dir': full_path(value(context, 'state_dir')),
        'prometheus.port': value(context, 'prometheus_port'),
        'prometheus.address': value(context, 'prometheus_address'),
    }
    kinds = {'prometheus.port': int}
    overrides = {
        'autostart': ParameterValue(LaunchConfiguration('autostart'), value_type=bool),
        **{
            name: ParameterValue(text, value_type=kinds.get(name, str))
            for name, text in texts.items()
            if text
        },
    }
    node = Node(
        package='ml_integration',
        executable='performance_monitor',
        name=LaunchConfiguration('node_name'),
        namespace=LaunchConfiguration('namespace'),
        parameters=[parameters_file(context), overrides],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        respawn=LaunchConfiguration('respawn'),
        respawn_delay=RESPAWN_DELAY_S,
        on_exit=unless_unusable,
        output='screen',
    )
    return [node]
